"""Keyframed curves: numbers that change over time."""

import math
from bisect import bisect_right
from dataclasses import dataclass
from typing import Literal, get_args

Interpolation = Literal["linear", "ease", "hold"]
"""How to interpolate between two keys: linearly, with ease-in and ease-out, or holding the first.
"""

INTERPOLATIONS: tuple[Interpolation, ...] = get_args(Interpolation)

_SAME = 1e-6
"""Times no further apart than this count as equal: noise levels are rounded to float32."""

Keys = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Curve:
    """A number over time, constant before the first key and after the last.

    Args:
        keys: (time, number) pairs with increasing times.
        interpolation: how to interpolate between keys.

    Raises:
        ValueError: there are no keys, the times do not increase, a number is not finite, or the
            interpolation is unknown.
    """

    keys: Keys
    interpolation: Interpolation = "linear"

    def __post_init__(self) -> None:
        if not self.keys:
            raise ValueError("a curve needs at least one key: write for example 0: 1, 24: 0.3")
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
                f"the keys {self} are not in order of time, or two share the same time: write each "
                "time once, earlier times first"
            )

    def __str__(self) -> str:
        """Format the keys the way nodes take them."""
        return ", ".join(f"{time:g}: {number:g}" for time, number in self.keys)

    def at(self, time: float) -> float:
        """Evaluate the curve at a time."""
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
