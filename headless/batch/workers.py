"""Run the jobs of a batch in parallel processes, one per accelerator."""

import json
import logging
import os
import queue
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import IO, Any

from .backend import (
    BatchEvent,
    BatchStopped,
    Task,
)
from .deaths import Course, WorkerDiedError
from .job import BatchJob
from .packs import groups_of
from .settings import BatchSettings
from .wire import read_event, task_as_json
from .worker import ENDED, FULL, READY, REFUSED, STOP, STOPPED

STOP_SECONDS = 20.0
"""Seconds for a job to stop; a step of a large model can take that long."""

LAST_LINES = 20
"""Number of lines, of what a process has printed, that are reported when it dies."""

RSS_UNIT = 1 if sys.platform == "darwin" else 1024
"""Bytes in a unit of ``ru_maxrss``."""

THREADS = "OMP_NUM_THREADS"

_MAIN = f"from {__package__}.worker import main; main()"
_OWN_GROUP: int = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
"""Ctrl-C reaches only the process of the batch, which stops the others."""

log = logging.getLogger(__name__)

Tell = Callable[[BatchEvent], None]


class _NoProcessError(Exception):
    """No process starts in place of one that has died."""


class _Worker:
    """A process that runs one group after the other.

    Args:
        settings: settings of the batch, with the device of this process.
        threads: number of threads that it uses on a CPU.
    """

    def __init__(self, settings: BatchSettings, threads: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", _MAIN],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="backslashreplace",
            env={THREADS: str(threads), **os.environ},
            start_new_session=True,
            creationflags=_OWN_GROUP,
        )
        self._printed = deque[str](maxlen=LAST_LINES)
        self._reader = threading.Thread(
            target=self._drain, args=(self._process.stderr,), daemon=True
        )
        self._reader.start()
        self._order(settings.as_json())

    def wait_until_ready(self) -> None:
        """Wait until it can run jobs.

        Raises:
            ValueError: it cannot, for example because its device is missing.
        """
        try:
            first = next(self._answers())
        except WorkerDiedError as death:
            raise ValueError(f"a worker process {death} while starting: {death.printed}") from death
        if first["kind"] == REFUSED:
            raise ValueError(first["message"])
        assert first["kind"] == READY

    @property
    def has_ended(self) -> bool:
        """Whether the process has ended, which can happen between two groups."""
        return self._process.poll() is not None

    def run(self, tasks: Sequence[Task], tell: Tell) -> None:
        """Run a group.

        Raises:
            KeyboardInterrupt: it was stopped.
            BatchStopped: nothing more can be run.
            WorkerDiedError: the process has ended.
        """
        self._order({"tasks": [task_as_json(task) for task in tasks]})
        self.follow(tell)

    def follow(self, tell: Tell) -> None:
        """Pass on the events of a group until it ends; raises the same as `run`."""
        for answer in self._answers():
            event = read_event(answer)
            if event is not None:
                tell(event)
            elif answer["kind"] == ENDED:
                return
            elif answer["kind"] == STOPPED:
                raise KeyboardInterrupt
            elif answer["kind"] == FULL:
                raise BatchStopped(answer["message"])

    def stop(self) -> None:
        """Stop the running group; the process is killed if it does not stop soon."""
        self._order(STOP)
        timer = threading.Timer(STOP_SECONDS, self._process.kill)
        timer.daemon = True
        timer.start()

    def end(self) -> None:
        """End the process."""
        with suppress(OSError):
            self._process.kill()
        self._reap()

    def _order(self, order: Any) -> None:
        with suppress(OSError, ValueError):  # a dead process is noticed by the end of its answers
            assert self._process.stdin is not None
            self._process.stdin.write(f"{json.dumps(order)}\n")
            self._process.stdin.flush()

    def _answers(self) -> Iterator[dict[str, Any]]:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.endswith("\n"):  # else it died in the middle of the line
                yield json.loads(line)
        details = self._reap()
        code = self._process.returncode
        reason = f"was killed by {details['signal']}" if code < 0 else f"exited with code {code}"
        raise WorkerDiedError(reason, "".join(self._printed), details)

    def _reap(self) -> dict[str, Any]:
        """Wait for the process to end; return what the system reports about it."""
        details: dict[str, Any] = {}
        if self._process.returncode is None and hasattr(os, "wait4"):
            with suppress(ChildProcessError):
                _, status, usage = os.wait4(self._process.pid, 0)
                self._process.returncode = os.waitstatus_to_exitcode(status)
                details["peak_memory"] = usage.ru_maxrss * RSS_UNIT
        code = self._process.wait()
        self._reader.join(timeout=1.0)
        for stream in (self._process.stdin, self._process.stdout):
            with suppress(OSError):
                assert stream is not None
                stream.close()
        return {**details, "exit_code": code} | ({"signal": _signal(code)} if code < 0 else {})

    def _drain(self, stream: IO[str]) -> None:
        with stream:
            self._printed.extend(stream)


class Workers:
    """The backend of `--workers` and `--devices`.

    Args:
        settings: settings of the batch.
        devices: devices of the processes, one each.

    Raises:
        ValueError: there is no such device.
    """

    def __init__(self, settings: BatchSettings, devices: Sequence[str]) -> None:
        self._settings, self._devices = settings, tuple(devices)
        self._threads = max(1, _cores() // len(devices))
        self._places, self._stopping = queue.SimpleQueue[int | None](), False
        self._workers, self._given_up = dict[int, _Worker](), list[str]()
        try:
            self._workers |= {place: self._started(place) for place in range(len(devices))}
            for place, worker in self._workers.items():
                worker.wait_until_ready()
                self._places.put(place)
        except BaseException:
            self.close()
            raise

    @property
    def slots(self) -> int:
        """One group per process."""
        return len(self._devices)

    def groups(self, jobs: Sequence[BatchJob]) -> list[tuple[BatchJob, ...]]:
        """Group jobs of one kind, if worthwhile and as long as every process has work."""
        return groups_of(jobs, self._settings, self.slots)

    def run(self, tasks: Sequence[Task], tell: Tell) -> None:
        """Run a group in the next free process; one that dies is replaced.

        A place where no new process starts is given up, and the others continue.

        Raises:
            KeyboardInterrupt: it was stopped.
            BatchStopped: nothing more can be run.
        """
        course = Course(tasks, tell)
        while course.next:
            place = self._free_place()
            try:
                self._run_at(place, course)
            except _NoProcessError as problem:
                self._give_up(place, problem)
            except BaseException:
                self._places.put(place)
                raise
            else:
                self._places.put(place)

    def finish(self) -> None:
        """Do nothing: all jobs have ended when `run` returns."""

    def stop(self) -> None:
        """Stop all running groups."""
        self._stopping = True
        self._places.put(None)
        for worker in list(self._workers.values()):
            worker.stop()

    def close(self) -> None:
        """End the processes."""
        self._stopping = True
        for worker in list(self._workers.values()):
            worker.end()

    def _started(self, place: int) -> _Worker:
        return _Worker(replace(self._settings, device=self._devices[place]), self._threads)

    def _free_place(self) -> int:
        """Wait for an idle process; raise if none is left, or when all stop."""
        place = self._places.get()
        if place is None:
            self._places.put(None)  # for the next thread that waits
            if self._stopping:
                raise KeyboardInterrupt
            raise BatchStopped(f"no worker process starts any more: {'; '.join(self._given_up)}")
        return place

    def _give_up(self, place: int, problem: Exception) -> None:
        self._given_up.append(f"{self._devices[place]}: {problem}")
        log.warning("%s: the batch continues without it", self._given_up[-1])
        if len(self._given_up) == len(self._devices):
            self._places.put(None)

    def _run_at(self, place: int, course: Course) -> None:
        while tasks := course.next:
            if self._stopping:
                raise KeyboardInterrupt
            worker = self._ready(place)
            try:
                worker.run(tasks, course.hear)
            except WorkerDiedError as death:
                del self._workers[place]
                if self._stopping:
                    raise KeyboardInterrupt from death
                course.died(death)
            except KeyboardInterrupt:
                self._stop_one(worker, course)
                raise
            except BaseException:  # late events must not reach the next group
                self._workers.pop(place).end()
                raise

    def _ready(self, place: int) -> _Worker:
        """Return the process of a place, a new one if the last has died."""
        worker = self._workers.get(place)
        if worker is not None and worker.has_ended:
            worker.end()
            worker = None
        if worker is None:
            worker = self._workers[place] = self._started(place)
            try:
                worker.wait_until_ready()
            except ValueError as problem:
                self._workers.pop(place).end()
                raise _NoProcessError(str(problem)) from problem
        return worker

    def _stop_one(self, worker: _Worker, course: Course) -> None:
        """Stop a process if Ctrl-C came to this thread, and not as the process's answer."""
        if not self._stopping:
            self._stopping = True
            worker.stop()
            with suppress(KeyboardInterrupt, WorkerDiedError):
                worker.follow(course.hear)


def _cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _signal(code: int) -> str:
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
