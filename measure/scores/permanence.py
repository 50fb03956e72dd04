"""Whether an object that disappears behind another reappears unchanged."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from .alignment import read_clip
from .reading import ClipReading, ObjectReading

_HIDDEN = 0.5


class Passage(NamedTuple):
    """Readings of the first frame, the whole clip, and the last frame."""

    before: ClipReading
    whole: ClipReading
    after: ClipReading


def read_passage(video: Tensor, fps: float = 16.0) -> Passage:
    """Read a clip (F, H, W, 3) of display colours in [0, 1] that shows objects at both ends.

    Raises:
        ValueError: the tensor does not have that shape, or the rate is not above 0.
    """
    return Passage(*(read_clip(part, fps) for part in (video[:1], video, video[-1:])))


def is_hidden(passage: Passage, colour: str) -> bool:
    """Return whether an object of a colour is at times less than half as visible as at most."""
    things = [thing for thing in passage.whole.objects if thing.colour == colour]
    return any(thing.area.min() < _HIDDEN * thing.area.max() for thing in things)


def keeps_colour(passage: Passage, colour: str) -> bool:
    """Return whether the first and the last frame show an object of a colour."""
    return None not in _ends(passage, colour)


def keeps_shape(passage: Passage, colour: str) -> bool:
    """Return whether an object of a colour has the same shape in the first and the last frame."""
    before, after = _ends(passage, colour)
    return before is not None and after is not None and before.shape == after.shape


def _ends(passage: Passage, colour: str) -> tuple[ObjectReading | None, ObjectReading | None]:
    """The largest object of a colour in the first and in the last frame."""
    before, after = (
        next((thing for thing in end.objects if thing.colour == colour), None)
        for end in (passage.before, passage.after)
    )
    return before, after
