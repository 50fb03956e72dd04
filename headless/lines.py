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
"""Characters of a node's title."""


class Lines:
    """A line per node, and one every few seconds while it works.

    Args:
        console: where to write.
        clock: gives seconds.
    """

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console, self._clock = console, clock
        self._name, self._pace, self._told = "", Pace(clock), clock()

    def event(self, event: Event) -> None:
        """A node began, ended, or had its result from before."""
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
        """The running node did some of its steps."""
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
