"""How much a video changes from frame to frame, as one number per frame.

F frames, H rows, W columns.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

LEVELS = 255.0
"""Scale of image differences: they are reported in 8-bit levels."""

_LUMA = (0.2126, 0.7152, 0.0722)  # BT.709
_MOVING_SHARE = 0.05


class Signals(NamedTuple):
    """Changes of a video over time, each (F,); NaN where a frame has no neighbour.

    Attributes:
        step: mean absolute change of luma into each frame, in 1/255.
        second_difference: mean absolute change of that change around each frame, in 1/255.
        moving_step: like step, for the 5 % of the pixels that change most: the moving parts.
        correlation: correlation of the changes into and out of each frame; -1 where the second
            reverses the first.
        place: place of a followed object, (F, 2) in pixels, NaN where it is not seen; None
            if nothing is followed.
    """

    step: Tensor
    second_difference: Tensor
    moving_step: Tensor
    correlation: Tensor
    place: Tensor | None = None


def luma_of(pictures: Tensor) -> Tensor:
    """Compute the BT.709 luma of images (..., 3)."""
    return pictures.float() @ pictures.new_tensor(_LUMA, dtype=torch.float32)


def read_signals(video: Tensor, *, place: Tensor | None = None, loop: bool = False) -> Signals:
    """Measure how a video (F, H, W, 3) of display colours in [0, 1] changes.

    Args:
        place: place of a followed object, (F, 2) in pixels.
        loop: whether the first frame follows the last one.

    Raises:
        ValueError: the video has another shape or fewer than three frames, or there is not one
            place per frame.
    """
    _check(video, place)
    count = len(video)
    empty = torch.full((4, count), math.nan)
    signals = Signals(empty[0], empty[1], empty[2], empty[3], place)
    before = None
    for number in range(0 if loop else 1, count + loop):
        here, ago = number % count, (number - 1) % count
        change = luma_of(video[here]) - luma_of(video[ago])
        size = change.abs().flatten()
        signals.step[here] = LEVELS * size.mean()
        most = size.topk(max(1, round(_MOVING_SHARE * len(size)))).values
        signals.moving_step[here] = LEVELS * most.mean()
        if before is not None:
            signals.second_difference[ago] = LEVELS * (change - before).abs().mean()
            norms = (change.norm() * before.norm()).clamp(min=1e-12)
            signals.correlation[ago] = (change * before).sum() / norms
        before = change
    return signals


def _check(video: Tensor, place: Tensor | None) -> None:
    if video.ndim != 4 or video.shape[-1] != 3 or 0 in video.shape or len(video) < 3:
        raise ValueError(
            f"a video of shape {tuple(video.shape)} cannot be measured over time: give (frames, "
            "rows, columns, 3) with at least 3 frames"
        )
    if place is not None and place.shape != (len(video), 2):
        raise ValueError(
            f"places of shape {tuple(place.shape)} for {len(video)} frames: give (frames, 2)"
        )
