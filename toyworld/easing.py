"""How anything goes over from one state to another: slowly at first, slowly at last."""

from __future__ import annotations

from torch import Tensor


def eased(where: Tensor, begin: float, end: float) -> Tensor:
    """Return how far from `begin` to `end` each of `where` (...) is: 0 before, 1 after, smooth.

    The cubic 3 x^2 - 2 x^3; `end` may lie below `begin`.
    """
    x = ((where - begin) / (end - begin)).clamp(0, 1)
    return x * x * (3 - 2 * x)
