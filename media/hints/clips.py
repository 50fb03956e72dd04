"""Compute hints of whole clips and of streams, always one frame at a time."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from ..stream import FrameStream, frame_chunks
from .pictures import check_shape, planes_of

Hint = Callable[[Tensor], Tensor]
"""Maps planes (1 or 3, H, W) of an image to those of its hint (1 or 3, H, W), in [0, 1]."""

Tick = Callable[[int], None]
"""Receives the number of finished frames; may raise to stop."""


def hint_frames(frames: Tensor | FrameStream, hint: Hint, tick: Tick) -> Tensor | FrameStream:
    """Compute the hint of each frame of a clip.

    A stream yields a stream, which computes hints as they are read and keeps none; a tensor yields
    a tensor. Both hold the same values, bit for bit, since frames are processed one by one.

    Args:
        frames: `(F, H, W, C)` in [0, 1], with 1, 3 or 4 channels.
        hint: see `Hint`.
        tick: see `Tick`.

    Returns:
        `(F, H, W, 3)` in [0, 1], float32.

    Raises:
        ValueError: the shape is another one, or a value is not finite; for a stream, the latter is
            raised when the frame is read.
    """
    check_shape(frames.shape)
    stream = FrameStream((*frames.shape[:3], 3), lambda: _hints(frames, hint, tick))
    return stream if isinstance(frames, FrameStream) else stream.whole()


def pictures_of(frames: Tensor | FrameStream) -> Iterator[Tensor]:
    """Yield the planes `(1 or 3, H, W)` of each frame, checked."""
    for number, frame in enumerate(frame_chunks(frames, 1)):
        yield planes_of(frame[0], number)


def _hints(frames: Tensor | FrameStream, hint: Hint, tick: Tick) -> Iterator[Tensor]:
    for number, planes in enumerate(pictures_of(frames)):
        yield as_frame(hint(planes))[None]
        tick(number + 1)


def as_frame(planes: Tensor) -> Tensor:
    """Convert planes (1 or 3, H, W) to an image (H, W, 3)."""
    return planes.expand(3, *planes.shape[1:]).movedim(0, -1).to(torch.float32).contiguous()
