"""What runs the jobs of a batch: this process, worker processes, ComfyUI servers or a cluster."""

import errno
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from .job import BatchJob


@dataclass(frozen=True, kw_only=True)
class Task:
    """A job and the folder of its own that its files are saved in.

    The folder is there and empty, but for the chunks of a long video that a stopped run has made.
    """

    job: BatchJob
    folder: Path


@dataclass(frozen=True, kw_only=True)
class JobStarted:
    """A job is being worked on."""

    job: str


@dataclass(frozen=True, kw_only=True)
class JobNote:
    """A line for the log of a job: a node that began, or a warning of one, which is also shown."""

    job: str
    text: str
    warning: bool = False


@dataclass(frozen=True, kw_only=True)
class StepDone:
    """Of a node that takes long, ``done`` of ``total`` steps are made."""

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
        seconds: that it took.
        details: what is recorded beside them, as JSON: ``seeds``, ``prompts``, ``models`` and
            ``inputs`` (files with their sha256), ``device``, ``timings`` of nodes in seconds,
            ``peak_memory`` in bytes, ``versions`` where they are not this process's.
    """

    job: str
    files: tuple[str, ...]
    seconds: float
    details: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, kw_only=True)
class JobFailed:
    """A job has ended with an error; the others go on.

    Args:
        job: its id.
        message: one clear error, as the command prints it.
        traceback: for whoever looks into it; empty of a workflow that was refused.
        node: title of the node that raised, if one did.
        details: as of `JobDone`, as far as it is known.
    """

    job: str
    message: str
    traceback: str = ""
    node: str = ""
    details: Mapping[str, Any] = field(default_factory=dict[str, Any])


BatchEvent = JobStarted | JobNote | StepDone | JobDone | JobFailed


class BatchStopped(RuntimeError):  # noqa: N818 (says what happened, as KeyboardInterrupt does)
    """No job can be run any more, as on a full disk; those without an end are still to be done."""


def is_full(problem: BaseException) -> bool:
    """Whether an error is that of a full disk, or of a user's share of one."""
    full = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}
    return isinstance(problem, OSError) and problem.errno in full


class Backend(Protocol):
    """Runs groups of jobs. Every job ends in one `JobDone` or `JobFailed`."""

    @property
    def slots(self) -> int:
        """How many groups it runs at a time; `run` is called from as many threads.

        Of one slot it is the main thread, in which Ctrl-C raises KeyboardInterrupt.
        """
        ...

    def groups(self, jobs: Sequence[BatchJob]) -> list[tuple[BatchJob, ...]]:
        """Jobs that run together, in an order that keeps models and results in use."""
        ...

    def run(self, tasks: Sequence[Task], tell: Callable[[BatchEvent], None]) -> None:
        """Run one group, and return when each of its jobs has ended or goes on beside the next.

        Args:
            tasks: of the group.
            tell: told of events, from any thread. It may raise what stops the batch, such as
                `BatchStopped` where results cannot be kept: let that pass.

        Raises:
            KeyboardInterrupt: it was stopped; the jobs without an end are still to be done.
            BatchStopped: nothing more can be run, by anyone.
        """
        ...

    def finish(self) -> None:
        """Wait until each job has ended; raises what `run` does."""
        ...

    def stop(self) -> None:
        """Have every `run` in another thread raise KeyboardInterrupt soon, also a later one."""
        ...

    def close(self) -> None:
        """Let go of processes and connections."""
        ...
