"""Measure how far an object is from the track that it should follow.

F frames.
"""

from __future__ import annotations

import math

from torch import Tensor

MOST_OFF = 2.0
"""Root mean square distance, in pixels, within which an object is in its place."""

_SEEN = 0.9


def off_track(place: Tensor, track: Tensor) -> float:
    """Return the root mean square distance of places from a track, in pixels.

    A correlation would not do: it is high for anything that moves the same way somewhere else.

    Args:
        place: (F, 2) in pixels, NaN where nothing is seen.
        track: (F, 2) in pixels.

    Returns:
        The distance, or infinity if an object is seen in fewer than nine of ten frames.
    """
    away = (place - track).square().sum(dim=1)  # (F,)
    seen = away.isfinite()
    return math.inf if seen.float().mean() < _SEEN else float(away[seen].mean().sqrt())
