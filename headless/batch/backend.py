"""Interface of what runs a batch's jobs: this process, workers, ComfyUI servers or a cluster."""

import errno
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from .job import BatchJob


@dataclass(frozen=True, kw_only=True)
class Task:
    """A job and its own folder, where its files are saved.

    The folder exists and is empty, except for chunks of a long video from a stopped run.
    """

    job: BatchJob
    folder: Path


@dataclass(frozen=True, kw_only=True)
class JobStarted:
    """A job has started."""

    job: str


@dataclass(frozen=True, kw_only=True)
class JobNote:
    """A line for the log of a job: a node that started, or a warning, which is also shown."""

    job: str
    text: str
    warning: bool = False


@dataclass(frozen=True, kw_only=True)
class StepDone:
    """A long-running node has finished ``done`` of ``total`` steps."""

    job: str
    node: str
    done: int
    total: int


@dataclass(frozen=True, kw_only=True)
class JobDone:
    """A job has saved its files.

    Args:
        job: its id.
        files: in the order in which they were saved, relative to its folder, each complete.
        seconds: time taken.
        details: what is recorded with them, as JSON: ``seeds``, ``prompts``, ``models`` and
            ``inputs`` (files with their sha256), ``device``, ``timings`` of nodes in seconds,
            ``peak_memory`` in bytes, ``versions`` if they are not this process's.
    """

    job: str
    files: tuple[str, ...]
    seconds: float
    details: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, kw_only=True)
class JobFailed:
    """A job has ended with an error; the others continue.

    Args:
        job: its id.
        message: one clear error, as the command prints it.
        traceback: for debugging; empty for a workflow that was refused.
        node: title of the node that raised, if one did.
        details: as in `JobDone`, as far as known.
    """

    job: str
    message: str
    traceback: str = ""
    node: str = ""
    details: Mapping[str, Any] = field(default_factory=dict[str, Any])


BatchEvent = JobStarted | JobNote | StepDone | JobDone | JobFailed


class BatchStopped(RuntimeError):  # noqa: N818 (says what happened, as KeyboardInterrupt does)
    """No more jobs can run, for example on a full disk; unfinished jobs remain to be run."""


def is_full(problem: BaseException) -> bool:
    """Whether an error means that the disk or the user's quota is full."""
    full = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}
    return isinstance(problem, OSError) and problem.errno in full


class Backend(Protocol):
    """Runs groups of jobs. Every job ends in one `JobDone` or `JobFailed`."""

    @property
    def slots(self) -> int:
        """Number of groups that run at a time; `run` is called from as many threads.

        With one slot it is the main thread, in which Ctrl-C raises KeyboardInterrupt.
        """
        ...

    def groups(self, jobs: Sequence[BatchJob]) -> list[tuple[BatchJob, ...]]:
        """Group jobs that run together, in an order that reuses models and results."""
        ...

    def run(self, tasks: Sequence[Task], tell: Callable[[BatchEvent], None]) -> None:
        """Run one group; return when each job has ended or continues beside the next group.

        Args:
            tasks: the group's tasks.
            tell: called with events, from any thread. It may raise to stop the batch, for example
                `BatchStopped` if results cannot be saved: let that propagate.

        Raises:
            KeyboardInterrupt: it was stopped; unfinished jobs remain to be run.
            BatchStopped: nothing more can be run, by any thread.
        """
        ...

    def finish(self) -> None:
        """Wait until each job has ended; raises the same as `run`."""
        ...

    def stop(self) -> None:
        """Make each `run` in another thread raise KeyboardInterrupt soon, including later calls."""
        ...

    def close(self) -> None:
        """Release processes and connections."""
        ...
