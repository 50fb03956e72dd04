"""Handle processes that die in the middle of a group: what is reported, and what runs again."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ...media import counted
from .backend import BatchEvent, JobDone, JobFailed, JobNote, JobStarted, StepDone, Task
from .results import emptied

MOST_DEATHS = 2
"""Maximum number of processes that may die with the same job, which may be the cause."""

_EXACT = "cpu"
"""The device on which a job gives the same bytes alone and in a group."""


class WorkerDiedError(RuntimeError):
    """A process has ended in the middle of a group.

    Args:
        reason: how it ended, as the end of a sentence about it.
        printed: its last lines of output.
        details: as in `JobFailed`, as far as known.
    """

    def __init__(self, reason: str, printed: str, details: Mapping[str, Any]) -> None:
        self.printed, self.details = printed, dict(details)
        super().__init__(reason)


class Course:
    """Progress of a group whose processes may die.

    Its jobs run together, and after a death one by one, so that the job that kills processes is
    found and the others finish.

    Args:
        tasks: the group's tasks.
        tell: called with its events.
    """

    def __init__(self, tasks: Sequence[Task], tell: Callable[[BatchEvent], None]) -> None:
        self._left = {task.job.id: task for task in tasks}
        self._tell = tell
        self._deaths = dict.fromkeys(self._left, 0)
        self._nodes = dict[str, str]()
        self._is_cut = False

    @property
    def next(self) -> list[Task]:
        """Unfinished jobs that run together next; empty when all have ended."""
        left = list(self._left.values())
        return left[:1] if self._is_cut else left

    def hear(self, event: BatchEvent) -> None:
        """Record an event and pass it on."""
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
        """Handle a death: jobs that had started get one more try, each alone."""
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
            self._tell(JobNote(job=job, text=f"{text}: {again} in a new process", warning=True))
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
                f"computed alone, because its group was cut short: on {device} the result may "
                "differ by rounding from that of the group"
            )
            self._tell(JobNote(job=end.job, text=text))


def _memory(death: WorkerDiedError) -> str:
    peak = death.details.get("peak_memory")
    return f" (peak memory {peak / 1e9:.1f} GB)" if peak else ""
