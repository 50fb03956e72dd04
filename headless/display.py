"""Progress of a run on standard error: a bar per node, and a preview of the clip."""

import logging
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

import torch
from rich.console import Console, RenderableType
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from ..graph.executor import Event, NodeCached, NodeFinished, NodeStarted
from ..media import save_image, shown
from .lines import LONGEST_TITLE, Lines
from .pace import Pace, duration
from .terminal import draw_picture

log = logging.getLogger(__name__)

WIDEST = 96
"""Maximum width of a preview on the terminal, in characters."""

MOST_BARS = 32
"""Maximum number of bars that keep being redrawn."""

DRAWING_PAUSE = 0.1
"""Minimum seconds between two drawings."""


class TimeLeft(ProgressColumn):
    """Column with the estimated time left for a node."""

    def render(self, task: Task) -> Text:
        """Return the time left; empty if unknown."""
        left = task.fields["pace"].left
        return Text("" if left is None else f"{duration(left)} left")


class Bars(Progress):
    """Progress bars with an image below them."""

    picture: RenderableType | None = None
    _drawn = 0.0

    def refresh(self) -> None:
        """Draw, but no more often than is visible: the cost grows with the number of bars."""
        if time.monotonic() - self._drawn > DRAWING_PAUSE:
            super().refresh()
            self._drawn = time.monotonic()

    def settle(self, count: int) -> None:
        """Print the oldest bars in their current state, above those that still change."""
        oldest = self.tasks[:count]
        self.console.print(self.make_tasks_table(oldest))
        for task in oldest:
            self.remove_task(task.id)

    def get_renderables(self) -> Iterable[RenderableType]:
        """Yield the bars, then the image."""
        yield from super().get_renderables()
        if self.picture is not None:
            yield self.picture


class Display:
    """Shows a run: one line per node, a bar for its steps, a film strip while it samples.

    Without a terminal, plain lines replace the bars.

    Args:
        preview_file: PNG for the film strip of the latest step.
        console: where to draw; standard error by default.
    """

    def __init__(self, preview_file: Path | None = None, console: Console | None = None) -> None:
        self._preview_file = preview_file
        console = console or Console(stderr=True)
        self._lines = None if console.is_terminal else Lines(console)
        self._bars = Bars(
            TextColumn("{task.fields[place]:>5} {task.description:24}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeLeft(),
            console=console,
        )
        self._task: TaskID | None = None

    def __enter__(self) -> "Display":
        if self._lines is None:
            self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bars.picture = None
        if self._lines is None:
            self._bars.stop()

    @property
    def shows_pictures(self) -> bool:
        """Whether previews are shown, on a colour terminal or in the file."""
        console = self._bars.console
        coloured = console.is_terminal and console.color_system in ("256", "truecolor")
        return (coloured and not console.quiet) or self._preview_file is not None

    def event(self, event: Event) -> None:
        """Show that a node started, finished or reused its earlier result."""
        if self._lines is not None:
            self._lines.event(event)
        elif isinstance(event, NodeStarted):
            place = f"{event.index + 1}/{event.total}"
            self._task = self._add_bar(event, place, completed=0)
        elif isinstance(event, NodeCached):
            self._add_bar(event, "kept", completed=1)
        elif isinstance(event, NodeFinished) and self._task is not None:
            total = self._bars.tasks[-1].total  # the last bar belongs to the running node
            self._bars.update(self._task, completed=total)
            self._bars.picture = None
            self._task = None

    def step(self, done: int, total: int) -> None:
        """Show the steps of the running node."""
        if self._lines is not None:
            self._lines.step(done, total)
        elif self._task is not None:
            self._bars.tasks[-1].fields["pace"].step(done, total)
            self._bars.update(self._task, completed=done, total=total)

    def preview(self, strip: torch.Tensor) -> None:
        """Show a film strip (H, W, 3) of the clips in progress."""
        if self._preview_file is not None:
            self._keep(self._preview_file, strip)
        if self._bars.console.is_terminal:
            self._bars.picture = draw_picture(strip, min(WIDEST, self._bars.console.width - 1))

    def _add_bar(self, event: NodeStarted | NodeCached, place: str, completed: int) -> TaskID:
        """Add a bar below the others."""
        if len(self._bars.task_ids) >= MOST_BARS:
            self._bars.settle(MOST_BARS // 2)
        title = shown(event.title, LONGEST_TITLE)
        return self._bars.add_task(title, total=1, completed=completed, place=place, pace=Pace())

    def _keep(self, file: Path, strip: torch.Tensor) -> None:
        """Write the film strip; if that fails, the run continues without it."""
        try:
            save_image(file, strip)
        except (OSError, ValueError) as problem:
            self._preview_file = None
            log.warning("cannot write the preview: %s", problem)
