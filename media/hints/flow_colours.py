"""Flow as images: the hue is the direction, the saturation the speed."""

from collections.abc import Iterator

import torch
from torch import Tensor

from ..stream import FrameStream, frame_chunks
from .flow import Flow

_SPANS = (15, 6, 4, 11, 13, 6)
"""Number of hues between red, yellow, green, cyan, blue, magenta and red, as many as eyes can
distinguish: the wheel of S. Baker et al., A Database and Evaluation Methodology for Optical Flow
(2007).
"""

_CORNERS = ((1, 0, 0), (1, 1, 0), (0, 1, 0), (0, 1, 1), (0, 0, 1), (1, 0, 1), (1, 0, 0))


def flow_pictures(flow: Flow, fastest: float) -> Tensor | FrameStream:
    """Render a flow as images, one for each frame of its clip; the last repeats the one before it.

    White is still; right is red, down yellow, left cyan, up blue-violet, as in the usual wheel.

    Args:
        flow: of a clip.
        fastest: pixels per frame with the full colour, above 0; faster motion is darker.

    Returns:
        `(F, H, W, 3)` in [0, 1], a stream if the flow is one.

    Raises:
        ValueError: `fastest` is not above 0.
    """
    if not 0 < fastest < float("inf"):
        raise ValueError(f"a full colour at {fastest} pixels per frame: use a number above 0")
    height, width = flow.vectors.shape[1:3]
    stream = FrameStream((flow.frames, height, width, 3), lambda: _pictures(flow, fastest))
    return stream if isinstance(flow.vectors, FrameStream) else stream.whole()


def _pictures(flow: Flow, fastest: float) -> Iterator[Tensor]:
    picture = torch.ones(1, *flow.vectors.shape[1:3], 3)
    for vectors in frame_chunks(flow.vectors, 1):
        picture = _coloured(vectors[0] / fastest)[None]
        yield picture
    yield picture


def _wheel() -> Tensor:
    """Hues (55, 3), counted from red."""
    ends = torch.tensor(_CORNERS, dtype=torch.float32)
    parts = [
        torch.lerp(ends[k], ends[k + 1], (torch.arange(count) / count)[:, None])
        for k, count in enumerate(_SPANS)
    ]
    return torch.cat(parts)


_WHEEL = _wheel()
_FASTER = 0.75
"""Brightness of the colours of faster motion."""


def _coloured(vectors: Tensor) -> Tensor:
    """Colours (H, W, 3) of vectors (H, W, 2) in units of the fastest."""
    right, down = vectors.unbind(dim=-1)
    speed, turn = torch.hypot(right, down)[..., None], torch.atan2(down, right) / (2 * torch.pi) % 1
    place = turn * len(_WHEEL)
    lower = place.floor()
    first, second = (_WHEEL[((lower + k) % len(_WHEEL)).long()] for k in (0, 1))
    hue = torch.lerp(first, second, (place - lower)[..., None])
    return torch.where(speed <= 1, 1 - speed * (1 - hue), _FASTER * hue)
