"""What is given, as models take it that were trained to animate an image.

They see it in further channels: a clip of which all is grey that is not given, encoded as a whole,
and a mask for every frame behind a latent frame.

C channels, F frames, H rows, W columns; f, h, w the same of the latent.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from .record import Timeline

Encode = Callable[[Tensor], Tensor]
"""Frames (F, H, W, 3) in [0, 1] -> raw latent (1, C, f, h, w)."""

GREY = 0.5


class StartClip(NamedTuple):
    """A clip to start from, as ComfyUI's nodes put it into a conditioning.

    Attributes:
        latent: (1, C, f, h, w), raw.
        made: (1, time factor, f, h, w) with 0 where something is given, 1 where it is made; the
            first frame's counts for all that stand for the first latent frame.
    """

    latent: Tensor
    made: Tensor


def start_clip(timeline: Timeline, encode: Encode) -> StartClip:
    """The clip of a timeline's stretch, of which what changes at all is grey.

    Raises:
        ValueError: the timeline is a loop, which those models cannot make.
    """
    if timeline.loop:
        raise ValueError(
            "a loop cannot be made by a model that animates an image: use an open clip"
        )
    given = [_given(timeline, frame) for frame in timeline.stretch]
    frames = torch.stack(
        [_shown(timeline, *each) for each in zip(timeline.stretch, given, strict=True)]
    )
    made = torch.stack([~each for each in given]).float()[:, None]  # (F, 1, H, W)
    places = F.max_pool2d(made, timeline.compression.space)[:, 0]  # (F, h, w)
    time = timeline.compression.time
    whole = torch.cat([places[:1].expand(time, -1, -1), places[1:]])
    return StartClip(encode(frames), whole.unflatten(0, (-1, time)).transpose(0, 1)[None])


def _given(timeline: Timeline, frame: int) -> Tensor:
    given = timeline.given(frame)
    return given if isinstance(given, Tensor) else torch.full(timeline.shape[1:], given)


def _shown(timeline: Timeline, frame: int, given: Tensor) -> Tensor:
    pixels = timeline.pixels(frame)
    grey = torch.full((*timeline.shape[1:], 3), GREY)
    return grey if pixels is None else torch.where(given[..., None], pixels, grey)
