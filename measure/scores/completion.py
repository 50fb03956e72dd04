"""Whether an object of which a hole hides half is whole again.

F frames, H rows, W columns.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from .alignment import read_clip
from .between import Truth, place_of
from .tracks import MOST_OFF, off_track

LEAST_AREA, MOST_AREA = 0.8, 1.25
"""Of the true object's."""


class Whole(NamedTuple):
    """What of an object is as in the true clip.

    Attributes:
        colour, shape: whether they are the same.
        area: whether it covers about as many pixels.
        place: whether it is within `MOST_OFF` pixels, root mean square.
    """

    colour: bool
    shape: bool
    area: bool
    place: bool


def judge_completion(video: Tensor, true: Tensor, truth: Truth, fps: float) -> Whole:
    """Judge the frames in which an object is half hidden.

    Args:
        video: (F, H, W, 3) of display colours in [0, 1].
        true: the same of the true clip, put together in the same way.
        truth: of the object in these frames.
        fps: frames per second.

    Raises:
        ValueError: a clip has another shape, or the rate is not above 0.
    """
    made, usual = (read_clip(clip, fps) for clip in (video, true))
    if not made.objects or not usual.objects:
        return Whole(False, False, False, False)
    found = made.objects[0]
    share = float(found.area.mean() / usual.objects[0].area.mean())
    return Whole(
        colour=found.colour == truth.colour,
        shape=found.shape == truth.shape,
        area=LEAST_AREA <= share <= MOST_AREA,
        place=off_track(place_of([made], [len(video)]), truth.track) <= MOST_OFF,
    )
