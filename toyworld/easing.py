"""Easing from one state to another: slow at both ends."""

from __future__ import annotations

from torch import Tensor


def eased(where: Tensor, begin: float, end: float) -> Tensor:
    """Return the smooth progress of each of `where` (...) from `begin` (0) to `end` (1).

    The cubic 3 x^2 - 2 x^3; `end` may lie below `begin`.
    """
    x = ((where - begin) / (end - begin)).clamp(0, 1)
    return x * x * (3 - 2 * x)
