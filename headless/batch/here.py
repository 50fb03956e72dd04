"""Runs jobs in this process, one after the other: what one has loaded stays for the next."""

import gc
import logging
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from ...graph.call import current_node
from ...graph.errors import NodeFailed
from ...graph.executor import Event, NodeCached, NodeFinished, NodeStarted
from ...hosts.standalone.folders import Folders, use_folders
from ...hosts.standalone.host import StandaloneHost
from ...media import shown
from ..engine import Engine, Job, saved_files
from ..failure import message_of
from .backend import (
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
from .ingredients import Ingredients, words_of
from .job import BatchJob
from .order import in_good_order
from .peak import PeakMemory
from .results import emptied
from .settings import BatchSettings

_PACK = __name__.partition(".")[0]
_TEMP = ".temp"
"""In the folder of a job."""

_NO_MEMORY = ("can't allocate memory", "out of memory")
"""In what torch says, in small letters."""

_LESS = (
    "with nothing else in memory, too: use a smaller size, fewer frames, or the tiles of Decode to "
    "Video File"
)

Tell = Callable[[BatchEvent], None]


@dataclass(frozen=True)
class _Attempt:
    """How a run has ended: with files, or an error, of which nothing but its words is held."""

    files: tuple[str, ...] = ()
    nodes: Mapping[str, Any] = field(default_factory=dict[str, Any])
    details: dict[str, Any] = field(default_factory=dict[str, Any])
    error: str = ""
    traceback: str = ""
    node: str = ""
    no_memory: bool = False


class Here:
    """Runs jobs one after the other on the nodes of the standalone host.

    Args:
        settings: of the batch.

    Raises:
        ValueError: there is no such device.
    """

    slots = 1

    def __init__(self, settings: BatchSettings) -> None:
        self._folders = Folders.of(
            input=settings.input_dir, output=settings.output_dir, metadata=settings.metadata
        )
        self._host = StandaloneHost(
            models=Path(settings.models_dir),
            device=settings.device,
            dtype=settings.dtype,
            progress=self._step,
        )
        with use_folders(self._folders):  # what nodes offer is read from these
            self._engine = Engine(self._host)
        self._ingredients = Ingredients(Path(settings.models_dir), self._folders.input)
        self._job, self._tell = "", _unheard

    def groups(self, jobs: Sequence[BatchJob]) -> list[tuple[BatchJob, ...]]:
        """Every job alone, those that share the most after each other."""
        return [(job,) for job in in_good_order(jobs)]

    def run(self, tasks: Sequence[Task], tell: Tell) -> None:
        """Run the jobs of a group.

        Raises:
            KeyboardInterrupt: it was stopped.
            BatchStopped: the disk is full.
        """
        for task in tasks:
            self._job, self._tell = task.job.id, tell
            tell(JobStarted(job=task.job.id))
            with _notes(task.job.id, tell):
                tell(self._end(task))

    def stop(self) -> None:
        """Nothing: its one run hears Ctrl-C itself."""

    def close(self) -> None:
        """Let go of models and results."""
        self._free()

    def _end(self, task: Task) -> JobDone | JobFailed:
        began, peak, job = time.monotonic(), PeakMemory(self._host.models.device), task.job.id
        made = self._attempt(task, lean=False)
        if made.no_memory:
            text = f"{made.error}: it runs again with nothing else in memory"
            self._tell(JobNote(job=job, text=text, warning=True))
            made = self._again(task)
        details = {**made.details, "peak_memory": peak.bytes}
        if made.error:
            return JobFailed(
                job=job,
                message=made.error,
                traceback=made.traceback,
                node=made.node,
                details=details,
            )
        seconds = time.monotonic() - began
        details |= words_of(made.nodes, self._engine.registry) | self._ingredients.of(made.nodes)
        return JobDone(job=job, files=made.files, seconds=seconds, details=details)

    def _again(self, task: Task) -> _Attempt:
        """Run a job with nothing in memory but what its next nodes need; the result is the same."""
        self._free()
        emptied(task.folder)
        try:
            made = self._attempt(task, lean=True)
        finally:
            self._free()
        advice = "" if not made.no_memory else f"; {_LESS}"
        return replace(made, error=made.error + advice, details={**made.details, "lean": True})

    def _free(self) -> None:
        self._engine.forget()
        gc.collect()
        if self._host.models.device.type == "cuda":
            torch.cuda.empty_cache()

    def _attempt(self, task: Task, *, lean: bool) -> _Attempt:
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
            self._note(event)
            if isinstance(event, NodeFinished):
                timings[f"{event.title} (#{event.id})"] = round(event.seconds, 3)
            files.extend(_below(task.folder, saved_files(event, folders)))

        try:
            with use_folders(folders):
                prompt = self._engine.prompt(job)
            self._engine.run_prompt(prompt, folders, follow, lean=lean)
            details = {"device": str(self._host.models.device), "timings": timings}
            return _Attempt(_results(files), prompt.nodes, details)
        except Exception as problem:
            _stop_if_nothing_can_run(problem)
            return _failed(problem)

    def _note(self, event: Event) -> None:
        title = shown(event.title)
        if isinstance(event, NodeStarted):
            text = f"{event.index + 1}/{event.total} {title}"
        elif isinstance(event, NodeCached):
            text = f"kept {title}"
        else:
            text = f"{title}: {event.seconds:.2f} s"
        self._tell(JobNote(job=self._job, text=text))
        if isinstance(event, NodeFinished):
            return
        self._tell(StepDone(job=self._job, node=title, done=0, total=0))

    def _step(self, done: int, total: int) -> None:
        node = current_node()
        title = shown(node.title) if node else ""
        self._tell(StepDone(job=self._job, node=title, done=done, total=total))


def _unheard(event: BatchEvent) -> None:
    """Before the first job."""


def _below(folder: Path, paths: Sequence[str]) -> Iterator[str]:
    """Files in a folder, relative to it."""
    for path in map(Path, paths):
        if path.is_relative_to(folder):
            yield path.relative_to(folder).as_posix()


def _results(files: Sequence[str]) -> tuple[str, ...]:
    """The files that are kept: what a job has saved, or its previews if that is nothing.

    Raises:
        ValueError: there are no files at all.
    """
    saved = [name for name in dict.fromkeys(files) if not name.startswith(f"{_TEMP}/")]
    if not files:
        raise ValueError("the workflow has saved no file: end it with Save Video or Save Image")
    return tuple(saved or dict.fromkeys(files))


class _Notes(logging.Handler):
    """What nodes log, as notes of a job."""

    def __init__(self, job: str, tell: Tell) -> None:
        super().__init__()
        self._job, self._tell = job, tell

    def emit(self, record: logging.LogRecord) -> None:
        """Tell a line."""
        self._tell(JobNote(job=self._job, text=record.getMessage(), warning=True))


@contextmanager
def _notes(job: str, tell: Tell) -> Iterator[None]:
    """Have what is logged in a block told as notes of a job."""
    handler = _Notes(job, tell)
    logging.getLogger(_PACK).addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger(_PACK).removeHandler(handler)


def _causes(problem: BaseException) -> Iterator[BaseException]:
    at: BaseException | None = problem
    while at is not None:
        yield at
        at = at.__cause__ or at.__context__


def _stop_if_nothing_can_run(problem: Exception) -> None:
    """Raise what stops the whole batch, if that is what has happened."""
    for cause in _causes(problem):
        if isinstance(cause, BatchStopped):
            raise cause
        if is_full(cause):
            raise BatchStopped(
                f"the disk is full: {message_of(problem)}. Make room, then run again with --resume"
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
    if isinstance(cause, RuntimeError):  # torch's own class for devices is one, too
        return any(words in str(cause).lower() for words in _NO_MEMORY)
    return isinstance(cause, MemoryError)
