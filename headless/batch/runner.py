"""Run the jobs of a batch so that no finished work is lost, whatever happens."""

import shutil
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from ...media import counted
from .backend import (
    Backend,
    BatchEvent,
    BatchStopped,
    JobDone,
    JobFailed,
    JobNote,
    JobStarted,
    StepDone,
    Task,
    is_full,
)
from .layout import Layout
from .manifest import DONE, FAILED, PLANNED, RUNNING, SAVING, JobRecord, Manifest, SavedFile
from .results import Names, emptied, move_results, settled


@dataclass(frozen=True, kw_only=True)
class JobSaved:
    """A job is done: its files have their final names."""

    job: str
    files: tuple[Path, ...]
    seconds: float


Told = JobStarted | JobNote | StepDone | JobSaved | JobFailed
"""Events that the watcher of a batch receives."""


@dataclass
class Outcome:
    """What a session has done; ``stopped`` says why it ended early."""

    saved: dict[str, tuple[Path, ...]] = field(default_factory=dict[str, tuple[Path, ...]])
    failed: list[str] = field(default_factory=list[str])
    stopped: str = ""


class Runner:
    """Runs the jobs that a manifest plans.

    Args:
        manifest: open for writing.
        layout: layout of the batch's folders.
        backend: runs the groups.
        watch: called with every event, from one thread at a time.
        max_failures: failed jobs after which no more groups are started; None for no limit.
    """

    def __init__(
        self,
        manifest: Manifest,
        layout: Layout,
        backend: Backend,
        watch: Callable[[Told], None] = lambda told: None,
        max_failures: int | None = None,
    ) -> None:
        self._manifest, self._layout, self._backend = manifest, layout, backend
        self._watch, self._max_failures = watch, max_failures
        records = manifest.records.values()
        self._names = Names(layout.output, (f.name for each in records for f in each.files))
        self._left = deque[tuple[JobRecord, ...]]()
        self._open = dict[str, bool]()
        self._turn = threading.RLock()
        self.outcome = Outcome()

    def run(self) -> None:
        """Run every group that has an unfinished job, as a whole.

        Raises:
            KeyboardInterrupt, BatchStopped: it was stopped; unfinished jobs are planned again.
        """
        self._left.extend(group for group in self._manifest.groups if _is_to_do(group))
        try:
            if self._backend.slots == 1:
                self._work()
            else:
                self._share(self._backend.slots)
            self._backend.finish()
            self._fail_open(self._open, "it ended without a result")
        finally:
            for job in [job for job, is_open in self._open.items() if is_open]:
                self._plan_again(job)

    def refuse(self, failures: Iterable[JobFailed]) -> None:
        """Record jobs that cannot run, before any other job starts."""
        for failed in failures:
            if self._manifest.records[failed.job].state not in (DONE, FAILED):
                self._hear(failed)

    def _share(self, slots: int) -> None:
        with ThreadPoolExecutor(slots, "batch") as pool:
            workers = [pool.submit(self._work) for _ in range(slots)]
            try:
                for each in as_completed(workers):
                    each.result()
            except BaseException:
                self._left.clear()
                self._backend.stop()
                raise

    def _work(self) -> None:
        while self._may_go_on():
            with self._turn:
                group = self._left.popleft() if self._left else ()
            if not group:
                return
            self._run_group([record.job.id for record in group])

    def _may_go_on(self) -> bool:
        if self._max_failures is None or len(self.outcome.failed) < self._max_failures:
            return True
        failed = len(self.outcome.failed)
        have = "has" if failed == 1 else "have"
        self.outcome.stopped = f"{counted(failed, 'job')} {have} failed (--max-failures)"
        return False

    def _run_group(self, jobs: Sequence[str]) -> None:
        records = [self._manifest.records[job] for job in jobs]
        tasks = [
            Task(job=record.job, folder=emptied(self._layout.job(record.job.id)))
            for record in records
        ]
        self._open |= dict.fromkeys(jobs, True)
        try:
            self._backend.run(tasks, self._hear)
        except BatchStopped:
            raise
        except Exception as problem:  # fails this group only
            message = f"{type(problem).__name__}: {problem}"
            self._fail_open(jobs, message, traceback.format_exc())

    def _fail_open(self, jobs: Iterable[str], message: str, trace: str = "") -> None:
        for job in [job for job in jobs if self._open[job]]:
            self._hear(JobFailed(job=job, message=message, traceback=trace))

    def _hear(self, event: BatchEvent) -> None:
        with self._turn:
            try:
                told = self._record(event)
            except OSError as problem:
                remedy = "free some space" if is_full(problem) else "fix the cause"
                raise BatchStopped(
                    f"results cannot be recorded ({problem}): {remedy}, then run again with "
                    "--resume"
                ) from problem
            if told is not None:
                self._watch(told)

    def _record(self, event: BatchEvent) -> Told | None:
        """Record an event in the manifest and the logs; return the event to report, if any."""
        is_done = self._manifest.records[event.job].state == DONE  # and rerun with its group
        if isinstance(event, JobStarted):
            job = self._manifest.records[event.job].job
            self._log(event.job, " ".join(["started:", job.source, *job.assignments]))
            if not is_done:
                self._manifest.change(event.job, RUNNING)
        elif isinstance(event, JobNote):
            self._log(event.job, event.text)
        elif is_done and not isinstance(event, StepDone):
            self._open[event.job] = False
            shutil.rmtree(self._layout.job(event.job), ignore_errors=True)
            return None
        elif isinstance(event, JobDone):
            return self._save(event)
        elif isinstance(event, JobFailed):
            self._fail(event)
        return event

    def _save(self, done: JobDone) -> Told:
        record = self._manifest.records[done.job]
        try:
            files = self._saved_files(record, done)
            facts = {"seconds": round(done.seconds, 3), "details": dict(done.details)}
            self._manifest.change(done.job, SAVING, files=files, **facts)
            folder, output = self._layout.job(done.job), self._layout.output
            for place in move_results(files, folder, output, self._layout.aside):
                self._log(
                    done.job, f"another file had the name of a result and was moved to {place}"
                )
        except (FileExistsError, FileNotFoundError) as problem:
            failed = JobFailed(job=done.job, message=str(problem), details=done.details)
            self._fail(failed)
            return failed
        self._manifest.change(done.job, DONE)
        self._open[done.job] = False
        shutil.rmtree(folder, ignore_errors=True)
        paths = tuple(output / file.name for file in files)
        self._log(done.job, f"done in {done.seconds:.1f} s: {', '.join(map(str, paths))}")
        self.outcome.saved[done.job] = paths
        return JobSaved(job=done.job, files=paths, seconds=done.seconds)

    def _saved_files(self, record: JobRecord, done: JobDone) -> tuple[SavedFile, ...]:
        folder = self._layout.job(done.job)
        facts = [settled(folder, saved) for saved in done.files]
        names = self._names.choose(record.job.name, done.files, record.files)
        return tuple(
            SavedFile(saved=saved, name=name, sha256=sha256, bytes=size)
            for saved, name, (sha256, size) in zip(done.files, names, facts, strict=True)
        )

    def _fail(self, failed: JobFailed) -> None:
        self._open[failed.job] = False
        self.outcome.failed.append(failed.job)
        self._log(failed.job, f"failed: {failed.message}\n{failed.traceback}")
        facts = {
            "error": failed.message,
            "traceback": failed.traceback,
            "node": failed.node,
            "details": dict(failed.details),
        }
        self._manifest.change(failed.job, FAILED, **facts)
        with suppress(OSError):  # files that it has saved stay for inspection
            self._layout.job(failed.job).rmdir()

    def _plan_again(self, job: str) -> None:
        with suppress(OSError):  # on a full disk, the earlier state means the same
            if self._manifest.records[job].state == RUNNING:
                self._manifest.change(job, PLANNED)
            self._log(job, "stopped")
            self._layout.job(job).rmdir()

    def _log(self, job: str, text: str) -> None:
        path = self._layout.log(job)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8", errors="backslashreplace") as file:
            for line in text.rstrip().splitlines():
                file.write(f"{datetime.now():%Y-%m-%d %H:%M:%S} {line}\n")


def _is_to_do(group: Sequence[JobRecord]) -> bool:
    return any(record.state not in (DONE, FAILED) for record in group)
