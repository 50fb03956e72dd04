"""What is put in place of a made part to see whether the meters notice: cuts, stops, turns.

Videos are (B, F, H, W, 3), those of other clips too; the made part of one reaches from one frame to
before another.
"""

from collections.abc import Callable, Mapping

import torch
from einops import repeat
from torch import Tensor

JUMP = 8
"""Frames that a jump leaves out."""

Control = Callable[[Tensor, Tensor, int, int], Tensor]
"""(video, other clips, first made frame, frame after the last one) -> with another made part."""


def hard_cut(video: Tensor, other: Tensor, start: int, end: int) -> Tensor:
    """Show another clip."""
    return _with(video, start, other[:, start:end])


def freeze(video: Tensor, other: Tensor, start: int, end: int) -> Tensor:
    """Hold the last frame before."""
    return _with(video, start, video[:, [start - 1] * (end - start)])


def ping_pong(video: Tensor, other: Tensor, start: int, end: int) -> Tensor:
    """Go back from the last frame before."""
    frames = (2 * start - 2 - torch.arange(start, end)).clamp(min=0)
    return _with(video, start, video[:, frames])


def jump(video: Tensor, other: Tensor, start: int, end: int) -> Tensor:
    """Leave out `JUMP` frames; the last one is held as long as the rest is too short."""
    frames = (torch.arange(start, end) + JUMP).clamp(max=video.shape[1] - 1)
    return _with(video, start, video[:, frames])


def duplicate(video: Tensor, other: Tensor, start: int, end: int) -> Tensor:
    """Show the last frame before twice, and what follows one frame late."""
    return _with(video, start, video[:, start - 1 : end - 1])


def cross_fade(video: Tensor, other: Tensor, start: int, end: int) -> Tensor:
    """Blend from the frame before to the frame after."""
    share = torch.arange(1, end - start + 1) / (end - start + 1)
    share = repeat(share, "F -> 1 F 1 1 1")
    return _with(video, start, torch.lerp(video[:, [start - 1]], video[:, [end]], share))


def reversed_in_time(control: Control) -> Control:
    """The same from the end of the video to its beginning."""

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
"""Of a made part that follows a given one."""

BACKWARD: Mapping[str, Control] = {
    name: reversed_in_time(control) for name, control in FORWARD.items()
}
BETWEEN: Mapping[str, Control] = {
    "hard cut": hard_cut,
    "cross-fade": cross_fade,
    "hold, then cut": freeze,
}
