"""The job that runs in this context: its events, and what its nodes log."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from ...graph.call import current_node
from ...graph.executor import Event, NodeFinished, NodeStarted
from ...graph.turns import check_stopped
from ...media import shown
from .backend import BatchEvent, JobNote, StepDone

Tell = Callable[[BatchEvent], None]

_PACK = __name__.partition(".")[0]


@dataclass(frozen=True, eq=False)
class Working:
    """A job that is running.

    Args:
        job: its id.
        tell: called with events.
    """

    job: str
    tell: Tell

    def note(self, event: Event) -> None:
        """Report an event of a node."""
        check_stopped()
        title = shown(event.title)
        if isinstance(event, NodeStarted):
            text = f"{event.index + 1}/{event.total} {title}"
        elif isinstance(event, NodeFinished):
            text = f"{title}: {event.seconds:.2f} s"
        else:
            text = f"kept {title}"
        self.tell(JobNote(job=self.job, text=text))
        if not isinstance(event, NodeFinished):
            self.tell(StepDone(job=self.job, node=title, done=0, total=0))

    def warn(self, text: str) -> None:
        """Report a warning."""
        self.tell(JobNote(job=self.job, text=text, warning=True))


_here: ContextVar[Working | None] = ContextVar("working", default=None)


def tell_step(done: int, total: int) -> None:
    """Report the progress of the running node; outside of jobs it goes nowhere."""
    check_stopped()
    working, node = _here.get(), current_node()
    if working is not None:
        title = shown(node.title) if node else ""
        working.tell(StepDone(job=working.job, node=title, done=done, total=total))


@contextmanager
def working_on(job: str, tell: Tell) -> Iterator[Working]:
    """Run a block for a job; what is logged in it is reported as the job's warnings."""
    working = Working(job, tell)
    handler, token = _Warnings(working), _here.set(working)
    logging.getLogger(_PACK).addHandler(handler)
    try:
        yield working
    finally:
        logging.getLogger(_PACK).removeHandler(handler)
        _here.reset(token)


class _Warnings(logging.Handler):
    """Reports what the nodes of a job log, but not those of another job beside it."""

    def __init__(self, working: Working) -> None:
        super().__init__()
        self._working = working

    def emit(self, record: logging.LogRecord) -> None:
        """Report a line."""
        if _here.get() is self._working:
            self._working.warn(record.getMessage())
