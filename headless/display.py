"""A progress bar per node and per step on the terminal's error stream."""

from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from ..hosts.standalone.executor import Event, NodeCached, NodeFinished, NodeStarted


class Display:
    """Follows a run: one line per node, and a bar for its steps."""

    def __init__(self) -> None:
        self._bars = Progress(
            TextColumn("{task.fields[place]:>5} {task.description:24}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=Console(stderr=True),
        )
        self._task: TaskID | None = None

    def __enter__(self) -> "Display":
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bars.stop()

    def event(self, event: Event) -> None:
        """A node began, ended, or had its result from before."""
        if isinstance(event, NodeStarted):
            place = f"{event.index + 1}/{event.total}"
            self._task = self._bars.add_task(event.title, total=1, place=place)
        elif isinstance(event, NodeCached):
            self._bars.add_task(event.title, total=1, completed=1, place="kept")
        elif isinstance(event, NodeFinished) and self._task is not None:
            total = self._bars.tasks[self._task].total
            self._bars.update(self._task, completed=total)
            self._task = None

    def step(self, done: int, total: int) -> None:
        """The running node did some of its steps."""
        if self._task is not None:
            self._bars.update(self._task, completed=done, total=total)
