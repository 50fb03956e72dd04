"""Processes that end in the middle of a group: what is told of it, and what runs again."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .backend import BatchEvent, JobDone, JobFailed, JobNote, JobStarted, StepDone, Task
from .results import emptied

MOST_DEATHS = 2
"""Of processes with the same job: it may be the job that ends them."""


class WorkerDiedError(RuntimeError):
    """A process has ended in the middle of a group.

    Args:
        reason: how, as the rest of a sentence about it.
        printed: its last lines.
        details: of `JobFailed`, as far as they are known.
    """

    def __init__(self, reason: str, printed: str, details: Mapping[str, Any]) -> None:
        self.printed, self.details = printed, dict(details)
        super().__init__(reason)


class Course:
    """How far a group is, whose processes may die.

    Args:
        tasks: of the group.
        tell: told of its events.
    """

    def __init__(self, tasks: Sequence[Task], tell: Callable[[BatchEvent], None]) -> None:
        self._tasks = {task.job.id: task for task in tasks}
        self._tell = tell
        self._deaths = dict.fromkeys(self._tasks, 0)
        self._running, self._node = next(iter(self._tasks)), ""

    @property
    def left(self) -> list[Task]:
        """Jobs without an end."""
        return list(self._tasks.values())

    def hear(self, event: BatchEvent) -> None:
        """Pass an event on."""
        if isinstance(event, JobStarted):
            self._running, self._node = event.job, ""
        elif isinstance(event, StepDone):
            self._node = event.node
        elif isinstance(event, JobDone | JobFailed):
            del self._tasks[event.job]
        self._tell(event)

    def died(self, death: WorkerDiedError) -> None:
        """A process has died with the job that ran, if any did, which has one more try."""
        if not self._tasks:
            return
        if self._running not in self._tasks:
            self._running = next(iter(self._tasks))
        job, at = self._running, f' at "{self._node}"' if self._node else ""
        self._deaths[job] += 1
        text = f"the process that ran it {death}{at}"
        if self._deaths[job] == MOST_DEATHS:
            del self._tasks[job]
            self._tell(
                JobFailed(
                    job=job,
                    message=f"{text}, for the second time{_memory(death)}",
                    traceback=death.printed,
                    node=self._node,
                    details=death.details,
                )
            )
        else:
            emptied(self._tasks[job].folder)
            self._tell(JobNote(job=job, text=f"{text}: it runs again in a new one", warning=True))


def _memory(death: WorkerDiedError) -> str:
    peak = death.details.get("peak_memory")
    return f"; it had {peak / 1e9:.1f} GB of memory at most" if peak else ""
