"""A progress bar per node and per step on the terminal's error stream, and a look at the clip."""

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
"""Characters of a picture on the terminal."""

MOST_BARS = 32
"""Bars that are redrawn all the time."""

DRAWING_PAUSE = 0.1
"""Seconds."""


class TimeLeft(ProgressColumn):
    """About how long a node will still take."""

    def render(self, task: Task) -> Text:
        """Nothing where nobody knows."""
        left = task.fields["pace"].left
        return Text("" if left is None else f"{duration(left)} left")


class Bars(Progress):
    """Progress bars with a picture under them."""

    picture: RenderableType | None = None
    _drawn = 0.0

    def refresh(self) -> None:
        """Draw, but not oftener than anyone sees: a drawing takes as long as there are bars."""
        if time.monotonic() - self._drawn > DRAWING_PAUSE:
            super().refresh()
            self._drawn = time.monotonic()

    def settle(self, count: int) -> None:
        """Print the oldest bars as they are now, above those that still change."""
        oldest = self.tasks[:count]
        self.console.print(self.make_tasks_table(oldest))
        for task in oldest:
            self.remove_task(task.id)

    def get_renderables(self) -> Iterable[RenderableType]:
        """The bars, then the picture."""
        yield from super().get_renderables()
        if self.picture is not None:
            yield self.picture


class Display:
    """Follows a run: one line per node, a bar for its steps, a film strip while it samples.

    Where no terminal is, plain lines take the place of bars.

    Args:
        preview_file: PNG that holds the film strip of the latest step.
        console: where to draw; the error stream by default.
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
        """Whether anyone would see a preview: a terminal in colour, or the file."""
        console = self._bars.console
        coloured = console.is_terminal and console.color_system in ("256", "truecolor")
        return (coloured and not console.quiet) or self._preview_file is not None

    def event(self, event: Event) -> None:
        """A node began, ended, or had its result from before."""
        if self._lines is not None:
            self._lines.event(event)
        elif isinstance(event, NodeStarted):
            place = f"{event.index + 1}/{event.total}"
            self._task = self._add_bar(event, place, completed=0)
        elif isinstance(event, NodeCached):
            self._add_bar(event, "kept", completed=1)
        elif isinstance(event, NodeFinished) and self._task is not None:
            total = self._bars.tasks[-1].total  # the last bar is that of the node that runs
            self._bars.update(self._task, completed=total)
            self._bars.picture = None
            self._task = None

    def step(self, done: int, total: int) -> None:
        """The running node did some of its steps."""
        if self._lines is not None:
            self._lines.step(done, total)
        elif self._task is not None:
            self._bars.tasks[-1].fields["pace"].step(done, total)
            self._bars.update(self._task, completed=done, total=total)

    def preview(self, strip: torch.Tensor) -> None:
        """A film strip (H, W, 3) of the clips in progress."""
        if self._preview_file is not None:
            self._keep(self._preview_file, strip)
        if self._bars.console.is_terminal:
            self._bars.picture = draw_picture(strip, min(WIDEST, self._bars.console.width - 1))

    def _add_bar(self, event: NodeStarted | NodeCached, place: str, completed: int) -> TaskID:
        """A new bar below the others."""
        if len(self._bars.task_ids) >= MOST_BARS:
            self._bars.settle(MOST_BARS // 2)
        title = shown(event.title, LONGEST_TITLE)
        return self._bars.add_task(title, total=1, completed=completed, place=place, pace=Pace())

    def _keep(self, file: Path, strip: torch.Tensor) -> None:
        """Write the film strip; a run continues without one that cannot be written."""
        try:
            save_image(file, strip)
        except (OSError, ValueError) as problem:
            self._preview_file = None
            log.warning("the preview is not kept: %s", problem)
