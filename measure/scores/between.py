"""Whether what was made between given parts of a toy-world clip is what truly lies there."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from .alignment import read_clip
from .reading import ClipReading

NEAR = 3.0
"""Pixels that an object may be away from its true place."""

_PART_FRAMES = 7
_SHARE = 0.9


class Truth(NamedTuple):
    """One object: its colour and shape, and its centre in every frame, (F, 2) in pixels."""

    colour: str
    shape: str
    track: Tensor


def judge_between(video: Tensor, truth: Truth, fps: float) -> dict[str, bool]:
    """Judge made frames (F, H, W, 3) of display colours in [0, 1].

    They are read in parts of about half a second at 16 frames per second, so that an object which
    falls apart on the way is not taken for what it is on the whole.

    Returns:
        "one object", "its colour", "its shape": in all parts; "its place": within `NEAR` of the
        true one in nine of ten frames.

    Raises:
        ValueError: the video has another shape, or the rate is not above 0.
    """
    parts = video.split(_PART_FRAMES)
    readings = [read_clip(part, fps) for part in parts]
    lengths = [len(part) for part in parts]
    away = (place_of(readings, lengths) - truth.track).norm(dim=1)
    return {
        "one object": all(len(reading.objects) == 1 for reading in readings),
        "its colour": all(reading.colour == truth.colour for reading in readings),
        "its shape": all(
            bool(reading.objects) and reading.objects[0].shape == truth.shape
            for reading in readings
        ),
        "its place": bool((away <= NEAR).float().mean() >= _SHARE),
    }


def place_of(readings: list[ClipReading], lengths: list[int]) -> Tensor:
    """Return where the largest object of parts that follow one another is, (F, 2) in pixels.

    Where none is seen it is not a number.
    """
    return torch.cat(
        [_places(reading, length) for reading, length in zip(readings, lengths, strict=True)]
    )


def _places(reading: ClipReading, count: int) -> Tensor:
    if not reading.objects:
        return torch.full((count, 2), torch.nan)
    thing = reading.objects[0]
    places = torch.stack([thing.x, thing.y], dim=1)
    return torch.where(thing.seen[:, None], places, torch.nan)
