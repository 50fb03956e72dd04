"""Whether an edit made the requested change, and kept the rest and the motion.

F frames, H rows, W columns.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from .alignment import read_clip
from .between import place_of
from .reading import ClipReading
from .tracks import MOST_OFF, off_track

LOOKS = ("setting", "colour", "shape")


class Wanted(NamedTuple):
    """Wanted look of a clip after an edit.

    Attributes:
        asked: the one of `LOOKS` that the edit should change.
        setting, colour, shape: wanted look of the finished clip and its single object.
        track: centre of the object in every frame of the given clip, (F, 2) in pixels.
    """

    asked: str
    setting: str
    colour: str
    shape: str
    track: Tensor


class Edited(NamedTuple):
    """Result of an edit.

    Attributes:
        asked: whether the requested change was made.
        kept: whether the other `LOOKS` are unchanged.
        off: distance from the track in pixels, see `off_track`.
        alone: whether there is exactly one object.
    """

    asked: bool
    kept: bool
    off: float
    alone: bool

    @property
    def follows(self) -> bool:
        """Whether the motion is kept."""
        return self.off <= MOST_OFF

    @property
    def passed(self) -> bool:
        """Whether the change, the rest and the motion are right."""
        return self.asked and self.kept and self.follows


def judge_edit(video: Tensor, wanted: Wanted, fps: float) -> Edited:
    """Judge an edited clip (F, H, W, 3) of display colours in [0, 1].

    Raises:
        ValueError: the clip has another shape, or the rate is not above 0.
    """
    reading = read_clip(video, fps)
    right = {name: _look(reading, name) == getattr(wanted, name) for name in LOOKS}
    return Edited(
        asked=right.pop(wanted.asked),
        kept=all(right.values()),
        off=off_track(place_of([reading], [len(video)]), wanted.track),
        alone=len(reading.objects) == 1,
    )


def _look(reading: ClipReading, name: str) -> str | None:
    if name == "setting":
        return reading.setting
    return getattr(reading.objects[0], name) if reading.objects else None
