"""Estimate the time left for a node from the steps that are done."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

MINUTE, HOUR = 60, 3600


@dataclass
class Pace:
    """Progress through the steps of one node. ``clock`` returns seconds."""

    clock: Callable[[], float] = time.monotonic
    done: int = 0
    total: int = 0
    _began: float = field(init=False)
    _at: float = field(init=False)

    def __post_init__(self) -> None:
        self._began = self._at = self.clock()

    def step(self, done: int, total: int) -> None:
        """Record the steps done; fewer than before, or another total, start a new count."""
        if done < self.done or total != self.total:
            self._began = self.clock()
        self.done, self.total, self._at = done, total, self.clock()

    @property
    def elapsed(self) -> float:
        """Seconds since the count started."""
        return self.clock() - self._began

    @property
    def left(self) -> float | None:
        """Seconds left; None before the first step is done and after the last one."""
        if not 0 < self.done < self.total:
            return None
        whole = (self._at - self._began) / self.done * (self.total - self.done)
        return max(0.0, whole - (self.clock() - self._at))


def duration(seconds: float) -> str:
    """Format seconds for people: 8 s, 3 min 20 s, 1 h 5 min."""
    whole = round(seconds)
    if whole < MINUTE:
        return f"{whole} s"
    if whole < HOUR:
        return f"{whole // MINUTE} min {whole % MINUTE} s"
    return f"{whole // HOUR} h {whole % HOUR // MINUTE} min"
