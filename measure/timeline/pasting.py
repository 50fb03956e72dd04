"""Paste the given pixels over decoded frames, as Decode Timeline does.

B batch, F frames, H rows, W columns.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from ...models.shapes import Compression, VideoShape
from ...timeline import Piece, Timeline, assembled
from ..cases import FPS


def pasted(
    video: Tensor, decoded: Tensor, given: Tensor, compression: Compression, *, fade: int
) -> Tensor:
    """Paste the given frames (F,) bool of a video over decoded clips (B, F, H, W, 3).

    Args:
        fade: frames over which the VAE's residual is faded out, 0 for none.
    """
    return torch.stack(
        [
            _pasted(own, made, given, compression, fade)
            for own, made in zip(video, decoded, strict=True)
        ]
    )


def _pasted(
    video: Tensor, decoded: Tensor, given: Tensor, compression: Compression, fade: int
) -> Tensor:
    shape = VideoShape(*video.shape[:3])
    timeline = Timeline(
        shape,
        FPS,
        compression.latent_shape(shape).frames,
        pieces=tuple(Piece(video[run], run.start) for run in _runs(given)),
        compression=compression,
    )
    frames = assembled(timeline, decoded, fade=fade)
    return frames if isinstance(frames, Tensor) else frames.whole()


def _runs(given: Tensor) -> Iterator[slice]:
    """Yield the runs of consecutive true frames of (F,) bool."""
    values, counts = given.unique_consecutive(return_counts=True)
    end = 0
    for there, count in zip(values.tolist(), counts.tolist(), strict=True):
        start, end = end, end + count
        if there:
            yield slice(start, end)
