"""Whether frames generated between given parts of a toy-world clip match the true ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from .alignment import read_clip
from .reading import ClipReading

NEAR = 3.0
"""Largest distance in pixels between an object and its true place."""

MOST_MISFIT = 0.018
"""Largest misfit of an object to the solid that it is read as. Of 160 true clips after the VAE, 155
stay below it, as do 13 of 30 clips whose objects break up into blocks of 8 pixels but are read
correctly."""

_PART_FRAMES = 7
_SHARE = 0.9


class Truth(NamedTuple):
    """One object: its colour and shape, and its centre in every frame, (F, 2) in pixels."""

    colour: str
    shape: str
    track: Tensor


def judge_between(video: Tensor, truth: Truth, fps: float) -> dict[str, bool]:
    """Judge generated frames (F, H, W, 3) of display colours in [0, 1].

    Returns:
        As `judge_object`, and "its place": within `NEAR` of the true one in nine of ten frames.

    Raises:
        ValueError: the video has another shape, or the rate is not above 0.
    """
    readings, lengths = _in_parts(video, fps)
    away = (place_of(readings, lengths) - truth.track).norm(dim=1)
    near = bool((away <= NEAR).float().mean() >= _SHARE)
    return {**_judged(readings, truth.colour, truth.shape), "its place": near}


def judge_object(video: Tensor, colour: str, shape: str, fps: float) -> dict[str, bool]:
    """Judge the object in a video (F, H, W, 3) of display colours in [0, 1], wherever it is.

    The video is read in parts of about half a second at 16 frames per second, so that an object
    that breaks up partway is not judged by its average.

    Returns:
        "one object", "its colour", "its shape", "its looks" in all parts; the last means that it
        looks like a solid of its shape, with a misfit of at most `MOST_MISFIT`.

    Raises:
        ValueError: the video has another shape, or the rate is not above 0.
    """
    return _judged(_in_parts(video, fps)[0], colour, shape)


def _in_parts(video: Tensor, fps: float) -> tuple[list[ClipReading], list[int]]:
    parts = video.split(_PART_FRAMES)
    return [read_clip(part, fps) for part in parts], [len(part) for part in parts]


def _judged(readings: Sequence[ClipReading], colour: str, shape: str) -> dict[str, bool]:
    largest = [reading.objects[0] for reading in readings if reading.objects]
    everywhere = len(largest) == len(readings)
    return {
        "one object": all(len(reading.objects) == 1 for reading in readings),
        "its colour": everywhere and all(thing.colour == colour for thing in largest),
        "its shape": everywhere and all(thing.shape == shape for thing in largest),
        "its looks": everywhere and all(thing.misfit <= MOST_MISFIT for thing in largest),
    }


def place_of(readings: list[ClipReading], lengths: list[int]) -> Tensor:
    """Return the places of the largest object in consecutive parts, (F, 2) in pixels.

    Frames that show no object are NaN.
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
