"""Replacements for a generated part that the meters should notice: cuts, stops, reversals.

Videos and other clips are (B, F, H, W, 3). The generated part reaches from a `start` frame to
before an `end` frame.
"""

from collections.abc import Callable, Mapping

import torch
from einops import repeat
from torch import Tensor

JUMP = 8
"""Frames that a jump leaves out."""

Control = Callable[[Tensor, Tensor, int, int], Tensor]
"""(video, other clips, first generated frame, frame after the last one) -> video with that part
replaced."""


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
    """Skip `JUMP` frames; if too few remain, hold the last one."""
    frames = (torch.arange(start, end) + JUMP).clamp(max=video.shape[1] - 1)
    return _with(video, start, video[:, frames])


def duplicate(video: Tensor, other: Tensor, start: int, end: int) -> Tensor:
    """Show the last frame before the part twice, which delays the part by one frame."""
    return _with(video, start, video[:, start - 1 : end - 1])


def cross_fade(video: Tensor, other: Tensor, start: int, end: int) -> Tensor:
    """Blend from the frame before the part to the frame after it."""
    share = torch.arange(1, end - start + 1) / (end - start + 1)
    share = repeat(share, "F -> 1 F 1 1 1")
    return _with(video, start, torch.lerp(video[:, [start - 1]], video[:, [end]], share))


def reversed_in_time(control: Control) -> Control:
    """Return the control applied from the end of the video to its beginning."""

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
