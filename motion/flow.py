"""The motion of every pixel, from the parts of a picture and their tracks.

F frames, H rows, W columns.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..media.fit import Size
from .field import moved_picture, pixel_middles
from .layers import Layer, shape_in


@dataclass(frozen=True, eq=False)
class Flow:
    """The motion of a clip from each frame to the next.

    Attributes:
        vectors: (F - 1, H, W, 2), to the right and downwards, in pixels per frame, of what is seen
            at the pixel of the earlier frame.
        frames: of the clip, F.
    """

    vectors: Tensor
    frames: int


def flow_of(layers: Sequence[Layer], size: Size) -> Flow:
    """How far what is shown in every pixel moves until the next frame.

    Raises:
        ValueError: the tracks of the parts have one frame, in which nothing moves.
    """
    frames = max(layer.tracks.frames for layer in layers if layer.tracks is not None)
    if frames < 2:
        raise ValueError("tracks of one frame move nothing: make them for two frames or more")
    steps = [_step(layers, frame, size) for frame in range(frames - 1)]
    return Flow(torch.stack(steps), frames)


def _step(layers: Sequence[Layer], frame: int, size: Size) -> Tensor:
    flow = torch.zeros(*size, 2)
    for layer in layers:
        if layer.tracks is None:
            continue
        here, following = layer.tracks.places[:, frame], layer.tracks.places[:, frame + 1]
        step = moved_picture(size, here, following) - pixel_middles(size)
        there = shape_in(layer, frame, size) > 0.5 if layer is not layers[0] else torch.ones(1)
        flow = torch.where(there.bool(), step, flow)
    return flow
