"""Easing of a motion: even, or slow at the start, the end or both."""

from typing import Literal

import torch
from torch import Tensor

Easing = Literal["linear", "ease in", "ease out", "ease in and out"]


def eased(share: Tensor, easing: Easing) -> Tensor:
    """Map shares of a motion's time (...) in [0, 1] to shares of its path, keeping 0 and 1.

    Raises:
        ValueError: the easing is unknown.
    """
    match easing:
        case "linear":
            return share
        case "ease in":
            return share.square()
        case "ease out":
            return 1 - (1 - share).square()
        case "ease in and out":
            return share.square() * (3 - 2 * share)
    raise ValueError(
        f"unknown easing {easing!r}: choose linear, ease in, ease out or ease in and out"
    )


def progress(
    frames: int, easing: Easing = "linear", start: float = 0.0, end: float = 1.0
) -> Tensor:
    """Share of a motion's path (F,) completed in each frame of a clip.

    Args:
        frames: of the clip.
        easing: of the motion.
        start, end: as shares of the clip's duration; nothing moves before the start or after the
            end.

    Raises:
        ValueError: the end is not after the start, or either is outside [0, 1].
    """
    if not 0 <= start < end <= 1:
        raise ValueError(
            f"a motion from {start:g} to {end:g} of the clip's time: use 0 for its beginning, 1 "
            "for its end, and an end that comes after the start"
        )
    time = torch.linspace(0, 1, frames, dtype=torch.float64) if frames > 1 else torch.zeros(1)
    return eased(((time - start) / (end - start)).clamp(0, 1), easing).float()
