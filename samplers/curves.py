"""Numbers that change over time, through keys."""

import math
from bisect import bisect_right
from dataclasses import dataclass
from typing import Literal, get_args

Interpolation = Literal["linear", "ease", "hold"]
"""Between two keys: evenly, slowly at both ends, or the first one's number until the second."""

INTERPOLATIONS: tuple[Interpolation, ...] = get_args(Interpolation)

_SAME = 1e-6
"""Times that lie no further apart than this are one: noise levels are rounded to float32."""

Keys = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Curve:
    """A number over time: that of the first key before it, that of the last one behind it.

    Args:
        keys: (time, number) in the order of time.
        interpolation: between them.

    Raises:
        ValueError: there is no key, times do not rise, a number is not finite, or there is no such
            interpolation.
    """

    keys: Keys
    interpolation: Interpolation = "linear"

    def __post_init__(self) -> None:
        if not self.keys:
            raise ValueError("a curve without a key: write for example 0: 1, 24: 0.3")
        if self.interpolation not in INTERPOLATIONS:
            choices = ", ".join(INTERPOLATIONS)
            raise ValueError(
                f"unknown interpolation {self.interpolation!r}: choose one of {choices}"
            )
        if not all(math.isfinite(number) for key in self.keys for number in key):
            raise ValueError(f"the keys {self}: times and numbers must be finite")
        times = [time for time, _ in self.keys]
        if times != sorted(set(times)):
            raise ValueError(
                f"the keys {self} are not in the order of time, or two have one time: write every "
                "time once, the earlier ones first"
            )

    def __str__(self) -> str:
        """As it is written in nodes."""
        return ", ".join(f"{time:g}: {number:g}" for time, number in self.keys)

    def at(self, time: float) -> float:
        """The number at a time."""
        place = bisect_right([key for key, _ in self.keys], time + _SAME)
        if place in (0, len(self.keys)):
            return self.keys[max(place - 1, 0)][1]
        (start, before), (end, after) = self.keys[place - 1], self.keys[place]
        share = max(0.0, time - start) / (end - start)
        return before + (after - before) * self._eased(share)

    def _eased(self, share: float) -> float:
        match self.interpolation:
            case "linear":
                return share
            case "ease":
                return share * share * (3 - 2 * share)
            case "hold":
                return 0.0
