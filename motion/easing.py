"""How a motion begins and ends: evenly, or slowly at first, at last or both."""

from typing import Literal

import torch
from torch import Tensor

Easing = Literal["linear", "ease in", "ease out", "ease in and out"]


def eased(share: Tensor, easing: Easing) -> Tensor:
    """Shares of a motion's time (...) in [0, 1] -> shares of its way, 0 and 1 at its ends.

    Raises:
        ValueError: there is no easing of this name.
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
    """How much of a motion's way (F,) lies behind in each frame of a clip.

    Args:
        frames: of the clip.
        easing: of the motion.
        start, end: when it happens, as shares of the clip's time; before it nothing moves, after
            it everything stays.

    Raises:
        ValueError: it does not end after it begins.
    """
    if not 0 <= start < end <= 1:
        raise ValueError(
            f"a motion from {start:g} to {end:g} of the clip's time: use 0 for its beginning, 1 "
            "for its end, and an end that comes after the start"
        )
    time = torch.linspace(0, 1, frames, dtype=torch.float64) if frames > 1 else torch.zeros(1)
    return eased(((time - start) / (end - start)).clamp(0, 1), easing).float()
