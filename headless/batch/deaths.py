"""Processes that end in the middle of a group: what is told of it, and what runs again."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ...media import counted
from .backend import BatchEvent, JobDone, JobFailed, JobNote, JobStarted, StepDone, Task
from .results import emptied

MOST_DEATHS = 2
"""Of processes with the same job: it may be the job that ends them."""

_EXACT = "cpu"
"""The device on which a job gives the same bytes alone and in a group."""


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

    Its jobs run together, and after a death one by one: what ends processes is then found out, and
    the others are done.

    Args:
        tasks: of the group.
        tell: told of its events.
    """

    def __init__(self, tasks: Sequence[Task], tell: Callable[[BatchEvent], None]) -> None:
        self._left = {task.job.id: task for task in tasks}
        self._tell = tell
        self._deaths = dict.fromkeys(self._left, 0)
        self._nodes = dict[str, str]()
        self._is_cut = False

    @property
    def next(self) -> list[Task]:
        """Jobs without an end that run together now; none when all have ended."""
        left = list(self._left.values())
        return left[:1] if self._is_cut else left

    def hear(self, event: BatchEvent) -> None:
        """Pass an event on."""
        if isinstance(event, JobStarted):
            self._nodes[event.job] = ""
        elif isinstance(event, StepDone):
            self._nodes[event.job] = event.node
        elif isinstance(event, JobDone | JobFailed):
            del self._left[event.job]
            self._nodes.pop(event.job, None)
            self._tell_of_rounding(event)
        self._tell(event)

    def died(self, death: WorkerDiedError) -> None:
        """A process has died with the jobs that had begun, which have one more try, each alone."""
        tasks = self.next
        if not tasks:
            return
        nodes = self._nodes or {tasks[0].job.id: ""}
        self._nodes, self._is_cut = {}, self._is_cut or len(tasks) > 1
        for job, node in nodes.items():
            self._died_with(job, node, len(nodes) - 1, death)
        for task in self._left.values():
            emptied(task.folder)

    def _died_with(self, job: str, node: str, others: int, death: WorkerDiedError) -> None:
        self._deaths[job] += 1
        at = f' at "{node}"' if node else ""
        if self._deaths[job] < MOST_DEATHS:
            beside = f" with {counted(others, 'other job')}" if others else ""
            again = "it runs again alone" if self._is_cut else "it runs again"
            text = f"the process that ran it{beside} {death}{at}{_memory(death)}"
            self._tell(JobNote(job=job, text=f"{text}: {again} in a new one", warning=True))
            return
        del self._left[job]
        self._tell(
            JobFailed(
                job=job,
                message=f"the process that ran it {death}{at}, for the second time{_memory(death)}",
                traceback=death.printed,
                node=node,
                details=death.details,
            )
        )

    def _tell_of_rounding(self, end: JobDone | JobFailed) -> None:
        device = end.details.get("device", _EXACT)
        if self._is_cut and device != _EXACT:
            text = (
                f"computed alone, since its group was cut short: on {device} that may differ by "
                "rounding from what the group gives"
            )
            self._tell(JobNote(job=end.job, text=text))


def _memory(death: WorkerDiedError) -> str:
    peak = death.details.get("peak_memory")
    return f", with {peak / 1e9:.1f} GB of memory at most" if peak else ""
