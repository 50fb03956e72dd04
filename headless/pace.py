"""How long the rest of a node's steps will take, from those that are done."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

MINUTE, HOUR = 60, 3600


@dataclass
class Pace:
    """Steps of one node. ``clock`` gives seconds."""

    clock: Callable[[], float] = time.monotonic
    done: int = 0
    total: int = 0
    _began: float = field(init=False)
    _at: float = field(init=False)

    def __post_init__(self) -> None:
        self._began = self._at = self.clock()

    def step(self, done: int, total: int) -> None:
        """So many of the steps are done; a smaller number begins another count."""
        if done < self.done or total != self.total:
            self._began = self.clock()
        self.done, self.total, self._at = done, total, self.clock()

    @property
    def elapsed(self) -> float:
        """Seconds since the first step began."""
        return self.clock() - self._began

    @property
    def left(self) -> float | None:
        """Seconds that are left, None before the first step and after the last one."""
        if not 0 < self.done < self.total:
            return None
        whole = (self._at - self._began) / self.done * (self.total - self.done)
        return max(0.0, whole - (self.clock() - self._at))


def duration(seconds: float) -> str:
    """Seconds as people say them: 8 s, 3 min 20 s, 1 h 5 min."""
    whole = round(seconds)
    if whole < MINUTE:
        return f"{whole} s"
    if whole < HOUR:
        return f"{whole // MINUTE} min {whole % MINUTE} s"
    return f"{whole // HOUR} h {whole % HOUR // MINUTE} min"
