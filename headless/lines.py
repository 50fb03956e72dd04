"""The progress of a run as plain lines, for log files and programs."""

import time
from collections.abc import Callable

from rich.console import Console

from ..graph.executor import Event, NodeCached, NodeFinished, NodeStarted
from ..media import shown
from .pace import Pace, duration

PAUSE = 5.0
"""Seconds between two lines of one node."""

LONGEST_TITLE = 48
"""Maximum length of a node's title in characters."""


class Lines:
    """Prints a line per node, and another every few seconds while the node works.

    Args:
        console: where to write.
        clock: returns seconds.
    """

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console, self._clock = console, clock
        self._name, self._pace, self._told = "", Pace(clock), clock()

    def event(self, event: Event) -> None:
        """Report that a node started, finished or reused its earlier result."""
        title = shown(event.title, LONGEST_TITLE)
        if isinstance(event, NodeStarted):
            self._name = f"{event.index + 1}/{event.total} {title}"
            self._pace, self._told = Pace(self._clock), self._clock()
            self._write(self._name)
        elif isinstance(event, NodeCached):
            self._write(f"kept {title}")
        elif isinstance(event, NodeFinished) and event.seconds >= PAUSE:
            self._write(f"{self._name}: done in {duration(event.seconds)}")

    def step(self, done: int, total: int) -> None:
        """Report the steps of the running node."""
        self._pace.step(done, total)
        left = self._pace.left
        if left is not None and self._clock() - self._told >= PAUSE:
            self._told = self._clock()
            self._write(
                f"{self._name}: {done} of {total}, {duration(self._pace.elapsed)}, "
                f"about {duration(left)} left"
            )

    def _write(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, emoji=False, soft_wrap=True)
