"""What runs the jobs of a batch: this process, worker processes, ComfyUI servers or a cluster."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from .job import BatchJob


@dataclass(frozen=True, kw_only=True)
class Task:
    """A job and the folder, empty and of its own, that its files are saved in."""

    job: BatchJob
    folder: Path


@dataclass(frozen=True, kw_only=True)
class StepDone:
    """Of a node that takes long, ``done`` of ``total`` steps are made."""

    job: str
    node: str
    done: int
    total: int


@dataclass(frozen=True, kw_only=True)
class JobDone:
    """A job has saved ``files``, relative to its folder, each complete."""

    job: str
    files: tuple[str, ...]
    seconds: float


@dataclass(frozen=True, kw_only=True)
class JobFailed:
    """A job has ended with an error; the others go on.

    Args:
        job: its id.
        message: one clear error, as the command prints it.
        traceback: for whoever looks into it; empty of a workflow that was refused.
        node: title of the node that raised, if one did.
    """

    job: str
    message: str
    traceback: str = ""
    node: str = ""


BatchEvent = StepDone | JobDone | JobFailed


class Backend(Protocol):
    """Runs groups of jobs. Every job of a group ends in one `JobDone` or `JobFailed`."""

    @property
    def slots(self) -> int:
        """How many groups it runs at a time; `run` is called from as many threads."""
        ...

    def groups(self, jobs: Sequence[BatchJob]) -> list[tuple[BatchJob, ...]]:
        """Jobs that run together, in an order that keeps models and results in use."""
        ...

    def run(self, tasks: Sequence[Task], tell: Callable[[BatchEvent], None]) -> None:
        """Run one group, and return when each of its jobs has ended.

        Raises:
            KeyboardInterrupt: it was stopped; the jobs without an end are still to be done.
        """
        ...

    def close(self) -> None:
        """Let go of processes and connections."""
        ...
