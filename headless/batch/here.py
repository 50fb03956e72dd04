"""Run jobs in this process: what a job loads stays for the next; groups run in lockstep."""

import gc
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from math import inf
from pathlib import Path
from typing import Any

import torch

from ... import hosts
from ...graph.errors import NodeFailed
from ...graph.executor import Event, NodeFinished
from ...graph.lockstep import Lockstep
from ...graph.turns import seconds_here
from ...hosts.standalone.folders import Folders, use_folders
from ...hosts.standalone.host import StandaloneHost
from ..engine import Engine, Job, saved_files
from ..failure import message_of
from .backend import BatchStopped, JobDone, JobFailed, JobStarted, Task, is_full
from .ingredients import Ingredients, words_of
from .job import BatchJob
from .packs import MOST_TOKENS, groups_of
from .peak import PeakMemory
from .results import emptied
from .settings import BatchSettings
from .working import Tell, Working, tell_step, working_on

_TEMP = ".temp"
"""Subfolder of a job's folder."""

_NO_MEMORY = ("can't allocate memory", "out of memory")
"""Parts of torch's messages, in lower case."""

_LESS = (
    "this happened with nothing else in memory: use a smaller size, fewer frames, or the tiles of "
    "Decode to Video File"
)


@dataclass(frozen=True)
class _Attempt:
    """The outcome of a run: files, or an error, of which only the text is kept."""

    files: tuple[str, ...] = ()
    details: dict[str, Any] = field(default_factory=dict[str, Any])
    error: str = ""
    traceback: str = ""
    node: str = ""
    no_memory: bool = False


@dataclass(frozen=True)
class _Short:
    """A job that ran out of memory, and the seconds that were spent on it."""

    task: Task
    tell: Tell
    peak: PeakMemory
    seconds: float


class Here:
    """Runs jobs on the nodes of the standalone host, the jobs of a group side by side.

    Args:
        settings: settings of the batch.

    Raises:
        ValueError: there is no such device.
    """

    slots = 1

    def __init__(self, settings: BatchSettings) -> None:
        self._settings = settings
        self._folders = Folders.of(
            input=settings.input_dir, output=settings.output_dir, metadata=settings.metadata
        )
        self._host = StandaloneHost(
            models=Path(settings.models_dir),
            device=settings.device,
            dtype=settings.dtype,
            progress=tell_step,
        )
        with use_folders(self._folders):  # the choices that nodes offer are read from these
            self._engine = Engine(self._host)
        self._ingredients = Ingredients(Path(settings.models_dir), self._folders.input)
        self._lockstep = self._new_lockstep()
        self._short: list[_Short] = []
        self._peak: PeakMemory | None = None

    def groups(self, jobs: Sequence[BatchJob]) -> list[tuple[BatchJob, ...]]:
        """Group jobs of one kind if worthwhile, with those that share the most in a row."""
        try:
            return groups_of(jobs, self._settings)
        finally:
            hosts.use(self._host)

    def run(self, tasks: Sequence[Task], tell: Tell) -> None:
        """Run the jobs of a group; return while jobs that need no more network calls still run.

        Raises:
            KeyboardInterrupt: it was stopped.
            BatchStopped: the disk is full.
        """
        peak = self._peak = PeakMemory(self._host.models.device, self._peak)
        works = [partial(self._try, task, tell, peak) for task in tasks]

        def warn(numbers: Sequence[int], problem: Exception) -> None:
            text = f"computed alone from here on, because the group failed: {message_of(problem)}"
            for number in numbers:
                Working(tasks[number].job.id, tell).warn(text)

        with self._anew_if_stopped():
            self._lockstep.run(works, warn)
            if self._short:
                self._finish()

    def finish(self) -> None:
        """Wait until all jobs have ended; raises the same as `run`."""
        with self._anew_if_stopped():
            self._finish()

    @contextmanager
    def _anew_if_stopped(self) -> Iterator[None]:
        """Replace the lockstep if the block raises: once stopped, it stays stopped."""
        try:
            yield
        except BaseException:
            self._lockstep = self._new_lockstep()
            self._short.clear()
            raise

    def _new_lockstep(self) -> Lockstep:
        return Lockstep(inf if self._settings.pack else MOST_TOKENS)

    def _finish(self) -> None:
        self._lockstep.finish()
        while self._short:
            self._try_again(self._short.pop(0))

    def _try(self, task: Task, tell: Tell, peak: PeakMemory) -> None:
        """Run a job. If it runs out of memory, it has to wait until the others have ended."""
        with working_on(task.job.id, tell) as working:
            tell(JobStarted(job=task.job.id))
            began = seconds_here()
            made = self._attempt(task, working, lean=False)
            seconds = seconds_here() - began
            if made.no_memory:
                working.warn(f"{made.error}: it runs again with nothing else in memory")
                self._short.append(_Short(task, tell, peak, seconds))
            else:
                self._end(working, made, peak, seconds)

    def _try_again(self, short: _Short) -> None:
        """Run a job with only what its next nodes need in memory; the result is the same."""
        self._free()
        emptied(short.task.folder)
        began = seconds_here()
        with working_on(short.task.job.id, short.tell) as working:
            try:
                made = self._attempt(short.task, working, lean=True)
            finally:
                self._free()
            advice = "" if not made.no_memory else f"; {_LESS}"
            made = replace(made, error=made.error + advice, details={**made.details, "lean": True})
            self._end(working, made, short.peak, short.seconds + seconds_here() - began)

    def _end(self, working: Working, made: _Attempt, peak: PeakMemory, seconds: float) -> None:
        """Report how a job has ended."""
        details, job = {**made.details, "peak_memory": peak.bytes}, working.job
        if not made.error:
            working.tell(JobDone(job=job, files=made.files, seconds=seconds, details=details))
            return
        working.tell(
            JobFailed(
                job=job,
                message=made.error,
                traceback=made.traceback,
                node=made.node,
                details=details,
            )
        )

    def stop(self) -> None:
        """Do nothing: its only run gets Ctrl-C itself."""

    def close(self) -> None:
        """Release models and results."""
        self._free()

    def _free(self) -> None:
        self._engine.forget()
        gc.collect()
        if self._host.models.device.type == "cuda":
            torch.cuda.empty_cache()

    def _attempt(self, task: Task, working: Working, *, lean: bool) -> _Attempt:
        folders = replace(
            self._folders,
            output=task.folder,
            temp=task.folder / _TEMP,
            results=self._folders.output,
        )
        job = Job(workflow=task.job.workflow, folders=folders, assignments=task.job.assignments)
        folders = job.places
        files, timings = list[str](), dict[str, float]()

        def follow(event: Event) -> None:
            working.note(event)
            if isinstance(event, NodeFinished):
                timings[f"{event.title} (#{event.id})"] = round(event.seconds, 3)
            files.extend(_below(task.folder, saved_files(event, folders)))

        try:
            with use_folders(folders):
                prompt = self._engine.prompt(job)
            self._engine.run_prompt(prompt, folders, follow, lean=lean)
            details: dict[str, Any] = {
                "device": str(self._host.models.device),
                "timings": timings,
                **words_of(prompt.nodes, self._engine.registry),
                **self._ingredients.of(prompt.nodes),
            }
            return _Attempt(_results(files), details)
        except Exception as problem:
            _stop_if_nothing_can_run(problem)
            return _failed(problem)


def _below(folder: Path, paths: Sequence[str]) -> Iterator[str]:
    """Yield the files that are in a folder, relative to it."""
    for path in map(Path, paths):
        if path.is_relative_to(folder):
            yield path.relative_to(folder).as_posix()


def _results(files: Sequence[str]) -> tuple[str, ...]:
    """Return the files to keep: those that a job has saved, or its previews if there are none.

    Raises:
        ValueError: there are no files at all.
    """
    saved = [name for name in dict.fromkeys(files) if not name.startswith(f"{_TEMP}/")]
    if not files:
        raise ValueError("the workflow has saved no file: end it with Save Video or Save Image")
    return tuple(saved or dict.fromkeys(files))


def _causes(problem: BaseException) -> Iterator[BaseException]:
    at: BaseException | None = problem
    while at is not None:
        yield at
        at = at.__cause__ or at.__context__


def _stop_if_nothing_can_run(problem: Exception) -> None:
    """Raise `BatchStopped` if an error means that no job can run."""
    for cause in _causes(problem):
        if isinstance(cause, BatchStopped):
            raise cause
        if is_full(cause):
            raise BatchStopped(
                f"the disk is full: {message_of(problem)}. Free some space, then run again with "
                "--resume"
            ) from problem


def _failed(problem: Exception) -> _Attempt:
    no_memory = any(_is_out_of_memory(cause) for cause in _causes(problem))
    return _Attempt(
        error=message_of(problem),
        traceback="".join(traceback.format_exception(problem)),
        node=problem.title if isinstance(problem, NodeFailed) else "",
        no_memory=no_memory,
    )


def _is_out_of_memory(cause: BaseException) -> bool:
    if isinstance(cause, RuntimeError):  # torch.OutOfMemoryError is one, too
        return any(words in str(cause).lower() for words in _NO_MEMORY)
    return isinstance(cause, MemoryError)
