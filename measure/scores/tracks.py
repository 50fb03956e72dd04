"""Distance of an object from the track that it should follow.

F frames.
"""

from __future__ import annotations

import math

from torch import Tensor

MOST_OFF = 2.0
"""Largest root mean square distance in pixels at which an object counts as in place."""

_SEEN = 0.9


def off_track(place: Tensor, track: Tensor) -> float:
    """Root mean square distance of places from a track, in pixels.

    A correlation would not do: it is high for anything that moves the same way elsewhere.

    Args:
        place: (F, 2) in pixels, NaN where nothing is seen.
        track: (F, 2) in pixels.

    Returns:
        The distance; infinity if the object is seen in less than nine of ten frames.
    """
    away = (place - track).square().sum(dim=1)  # (F,)
    seen = away.isfinite()
    return math.inf if seen.float().mean() < _SEEN else float(away[seen].mean().sqrt())
