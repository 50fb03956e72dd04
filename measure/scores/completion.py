"""Whether an object half hidden by a hole is completed.

F frames, H rows, W columns.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from .alignment import read_clip
from .between import Truth, place_of
from .tracks import MOST_OFF, off_track

LEAST_AREA, MOST_AREA = 0.8, 1.25
"""Bounds of the covered area, as shares of the true object's."""


class Whole(NamedTuple):
    """Which properties of an object match the true clip.

    Attributes:
        colour, shape: whether they are the same.
        area: whether it covers about as many pixels.
        place: whether it is within `MOST_OFF` pixels, root mean square.
    """

    colour: bool
    shape: bool
    area: bool
    place: bool


def area_of(video: Tensor, fps: float) -> float:
    """Mean number of pixels that the largest object of a clip (F, H, W, 3) covers; 0 if none."""
    objects = read_clip(video, fps).objects
    return float(objects[0].area.mean()) if objects else 0.0


def judge_completion(video: Tensor, truth: Truth, area: float, fps: float) -> Whole:
    """Judge the frames in which an object is half hidden.

    Args:
        video: (F, H, W, 3) of display colours in [0, 1].
        truth: the true object in these frames.
        area: area of the object in the true clip, see `area_of`.
        fps: frames per second.

    Raises:
        ValueError: the clip has another shape, or the rate is not above 0.
    """
    reading = read_clip(video, fps)
    if not reading.objects:
        return Whole(False, False, False, False)
    found = reading.objects[0]
    covered = float(found.area.mean())
    return Whole(
        colour=found.colour == truth.colour,
        shape=found.shape == truth.shape,
        area=LEAST_AREA * area <= covered <= MOST_AREA * area,
        place=off_track(place_of([reading], [len(video)]), truth.track) <= MOST_OFF,
    )
