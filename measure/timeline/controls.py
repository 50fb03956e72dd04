"""Faulty replacements for a generated part, to test the meters: cuts, freezes, reversals.

All videos are (B, F, H, W, 3); the generated part runs from frame ``start`` to before ``end``.
"""

from collections.abc import Callable, Mapping

import torch
from einops import repeat
from torch import Tensor

JUMP = 8
"""Number of frames that a jump skips."""

Control = Callable[[Tensor, Tensor, int, int], Tensor]
"""(video, other clips, first generated frame, frame after the last) -> video with that replaced."""


def hard_cut(video: Tensor, other: Tensor, start: int, end: int) -> Tensor:
    """Cut to another clip."""
    return _with(video, start, other[:, start:end])


def freeze(video: Tensor, other: Tensor, start: int, end: int) -> Tensor:
    """Hold the last frame before the part."""
    return _with(video, start, video[:, [start - 1] * (end - start)])


def ping_pong(video: Tensor, other: Tensor, start: int, end: int) -> Tensor:
    """Play backwards from the last frame before the part."""
    frames = (2 * start - 2 - torch.arange(start, end)).clamp(min=0)
    return _with(video, start, video[:, frames])


def jump(video: Tensor, other: Tensor, start: int, end: int) -> Tensor:
    """Skip `JUMP` frames; hold the last frame if the rest is too short."""
    frames = (torch.arange(start, end) + JUMP).clamp(max=video.shape[1] - 1)
    return _with(video, start, video[:, frames])


def duplicate(video: Tensor, other: Tensor, start: int, end: int) -> Tensor:
    """Repeat the last frame before the part, and show the rest one frame late."""
    return _with(video, start, video[:, start - 1 : end - 1])


def cross_fade(video: Tensor, other: Tensor, start: int, end: int) -> Tensor:
    """Blend from the frame before the part to the frame after it."""
    share = torch.arange(1, end - start + 1) / (end - start + 1)
    share = repeat(share, "F -> 1 F 1 1 1")
    return _with(video, start, torch.lerp(video[:, [start - 1]], video[:, [end]], share))


def reversed_in_time(control: Control) -> Control:
    """The same control applied from the end of the video to its beginning."""

    def backward(video: Tensor, other: Tensor, start: int, end: int) -> Tensor:
        count = video.shape[1]
        return control(video.flip(1), other.flip(1), count - end, count - start).flip(1)

    return backward


def _with(video: Tensor, start: int, made: Tensor) -> Tensor:
    return torch.cat([video[:, :start], made, video[:, start + made.shape[1] :]], dim=1)


FORWARD: Mapping[str, Control] = {
    "hard cut": hard_cut,
    "freeze": freeze,
    "ping-pong": ping_pong,
}
"""Controls for a generated part that follows a given one."""

BACKWARD: Mapping[str, Control] = {
    name: reversed_in_time(control) for name, control in FORWARD.items()
}
BETWEEN: Mapping[str, Control] = {
    "hard cut": hard_cut,
    "cross-fade": cross_fade,
    "hold, then cut": freeze,
}
