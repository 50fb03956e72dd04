"""Run the jobs of a batch on the nodes of a Ray cluster."""
# pyright: reportMissingImports=false

import logging
import math
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from .backend import BatchEvent, BatchStopped, Task
from .deaths import Course, WorkerDiedError
from .job import BatchJob
from .packs import groups_of
from .ray_actor import FILE, FULL, PLACE, RayActor
from .results import emptied
from .settings import BatchSettings
from .wire import read_event, task_as_json

EXTRA = '--ray needs the package ray: install it with pip install "spacetime-video[ray]"'

START_SECONDS = 300.0
"""Seconds for the first process of a batch to start, or for one after all others have died."""

KNOCK_SECONDS = 10.0
"""Seconds for the head of a cluster to answer."""

MOST_FALSE_STARTS = 5
"""Consecutive failed starts of processes that end the batch."""

MOST_AHEAD = 16
"""Maximum messages of a process that wait here to be handled."""

PAUSE = 0.2
"""Seconds between two checks of starting processes."""

Tell = Callable[[BatchEvent], None]


class RayCluster:
    """The backend of `--ray`.

    Args:
        settings: settings of the batch. Models and inputs are on each node, in the same folders.
        address: address of the cluster, "auto" for the one on this machine, "local" for a new one.
        count: number of processes; 0 for one per GPU, or per node if there are no GPUs.

    Raises:
        ValueError: there is no such cluster, or none of its nodes can run jobs.
    """

    def __init__(self, settings: BatchSettings, address: str, count: int) -> None:
        self._ray = ray = _connected(address)
        self._deaths = (ray.exceptions.RayActorError, ray.exceptions.ObjectLostError)
        self._settings = settings
        alive = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        nodes = [node for node in alive if node.get("CPU", 0) >= 1]  # skips a head without CPUs
        gpus = int(sum(node.get("GPU", 0) for node in nodes))
        self._count = count or gpus or len(nodes) or 1
        self._needs = _needs(nodes, self._count, gpus)
        self._starting, self._idle = dict[Any, Any](), list[Any]()
        self._busy, self._false_starts, self._alone_since = list[Any](), 0, time.monotonic()
        self._turn, self._stopping = threading.Lock(), False
        try:
            for _ in range(self._count):
                self._start()
            self._give(self._take())
        except BaseException as problem:
            self.close()
            if isinstance(problem, BatchStopped):
                raise ValueError(str(problem)) from problem
            raise

    @property
    def slots(self) -> int:
        """One group per process."""
        return self._count

    def groups(self, jobs: Sequence[BatchJob]) -> list[tuple[BatchJob, ...]]:
        """Group jobs of one kind, if worthwhile and as long as every process has work."""
        return groups_of(jobs, self._settings, self.slots)

    def run(self, tasks: Sequence[Task], tell: Tell) -> None:
        """Run a group on the first idle process; one that dies is replaced.

        Raises:
            KeyboardInterrupt: it was stopped.
            BatchStopped: nothing more can be run.
        """
        course = Course(tasks, tell)
        while tasks := course.next:
            actor = self._take()
            try:
                self._run_on(actor, tasks, course.hear)
            except self._deaths as death:
                self._drop(actor)
                if self._stopping:
                    raise KeyboardInterrupt from death
                course.died(WorkerDiedError("has ended on the cluster", str(death), {}))
            except BaseException:  # late events must not reach the next group
                self._drop(actor)
                for task in course.next:
                    emptied(task.folder)
                raise
            else:
                self._give(actor)

    def finish(self) -> None:
        """Do nothing: all jobs have ended when `run` returns."""

    def stop(self) -> None:
        """End the processes, and with them the jobs that they run."""
        with self._turn:
            self._stopping = True
            for actor in (*self._starting.values(), *self._busy, *self._idle):
                self._ray.kill(actor)

    def close(self) -> None:
        """End the processes, and leave the cluster."""
        self.stop()
        self._ray.shutdown()

    def _run_on(self, actor: Any, tasks: Sequence[Task], tell: Tell) -> None:
        mark = tasks[0].folder / f".{uuid.uuid4().hex}"
        mark.touch()
        messages = actor.run.options(
            num_returns="streaming", _generator_backpressure_num_objects=MOST_AHEAD
        ).remote([task_as_json(task) for task in tasks], mark.name)
        folders = {task.job.id: task.folder for task in tasks}
        try:
            for reference in messages:
                self._hear(self._ray.get(reference), folders, mark, tell)
        finally:
            mark.unlink(missing_ok=True)

    def _hear(
        self, message: Mapping[str, Any], folders: Mapping[str, Path], mark: Path, tell: Tell
    ) -> None:
        event = read_event(message)
        if event is not None:
            tell(event)
        elif message["kind"] == PLACE:
            mark.unlink()
        elif message["kind"] == FILE:
            _append(folders[message["job"]] / message["name"], message["part"])
        elif message["kind"] == FULL:
            raise BatchStopped(message["message"])

    def _start(self) -> None:
        """Start a process somewhere; it is idle when it reports its id."""
        kind = self._ray.remote(RayActor).options(scheduling_strategy="SPREAD", **self._needs)
        actor = kind.remote(self._settings.as_json())
        self._starting[actor.process.remote()] = actor

    def _take(self) -> Any:
        """Wait for an idle process.

        Raises:
            KeyboardInterrupt: the batch is being stopped.
            BatchStopped: no process has started for too long.
        """
        while True:
            with self._turn:
                if self._stopping:
                    raise KeyboardInterrupt
                self._collect()
                if self._idle:
                    self._busy.append(self._idle.pop(0))
                    return self._busy[-1]
                self._check_patience()
            time.sleep(PAUSE)

    def _collect(self) -> None:
        """Move processes that have started to the idle ones."""
        begun, _ = (
            self._ray.wait(list(self._starting), num_returns=max(1, len(self._starting)), timeout=0)
            if self._starting
            else ([], [])
        )
        for reference in begun:
            actor = self._starting.pop(reference)
            try:
                self._ray.get(reference)
            except self._ray.exceptions.RayError as problem:
                self._false_starts += 1
                if self._false_starts == MOST_FALSE_STARTS:
                    raise BatchStopped(f"no process can start on the cluster: {problem}") from None
                self._start()
            else:
                self._false_starts = 0
                self._idle.append(actor)

    def _check_patience(self) -> None:
        if self._busy:
            self._alone_since = time.monotonic()
        elif time.monotonic() - self._alone_since > START_SECONDS:
            raise BatchStopped(
                f"no process has started on the Ray cluster in {START_SECONDS:.0f} s: each needs "
                f"{self._needs}, see ray status"
            )

    def _give(self, actor: Any) -> None:
        with self._turn:
            self._busy.remove(actor)
            self._idle.append(actor)
            self._alone_since = time.monotonic()

    def _drop(self, actor: Any) -> None:
        """End a process, and start another one unless the batch is being stopped."""
        with self._turn:
            self._busy.remove(actor)
            self._ray.kill(actor)
            self._alone_since = time.monotonic()
            if not self._stopping:
                self._start()


def _connected(address: str) -> Any:
    """Return the package, connected to a cluster.

    Raises:
        ValueError: it is not installed, or there is no cluster.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ModuleNotFoundError as missing:
        raise ValueError(EXTRA) from missing
    try:
        _knock(address)
        ray.init(
            address=address,
            log_to_driver=False,
            logging_level=logging.WARNING,
            include_dashboard=False if address == "local" else None,
        )
    except (OSError, ValueError, RuntimeError) as problem:
        raise ValueError(f"--ray {address}: no Ray cluster answers ({problem})") from problem
    return ray


def _knock(address: str) -> None:
    """Try to connect to a cluster's head, since Ray itself would retry for minutes.

    Raises:
        OSError, ValueError: nothing answers.
    """
    host, colon, port = address.rpartition(":")
    if colon and "//" not in address:
        socket.create_connection((host, int(port)), KNOCK_SECONDS).close()


def _needs(nodes: Sequence[Mapping[str, float]], count: int, gpus: int) -> dict[str, float]:
    """Return what a process requests: a GPU, or its share of the smallest node's cores."""
    if gpus:
        return {"num_gpus": 1, "num_cpus": 1}
    if not nodes:  # a cluster that adds nodes on request
        return {"num_cpus": 1}
    each = math.ceil(count / len(nodes))
    return {"num_cpus": max(1, min(node["CPU"] for node in nodes) // each)}


def _append(file: Path, part: bytes) -> None:
    """Append a part to a file, which gets its name with the last, empty part."""
    unfinished = file.with_name(f"{file.name}.part")
    unfinished.parent.mkdir(parents=True, exist_ok=True)
    with unfinished.open("ab") as sink:
        sink.write(part)
    if not part:
        unfinished.replace(file)
