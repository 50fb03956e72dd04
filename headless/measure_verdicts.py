"""Whether a clip shows what its prompt wants: readings of the meter, and tests of them."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..metrics.alignment import judge, read_clip
from ..metrics.reading import ClipReading, ObjectReading
from ..toyworld.motion import GRAVITY
from ..toyworld.wanted import Wanted

UNASKED = "objects not asked for"
CLOSE = 0.15
"""How far a fall's acceleration may be from the world's, as a share of it."""

_LANDED, _DEEP, _FEWEST_FRAMES = 0.15, 0.5, 5
_HIDDEN = 0.5


class View(NamedTuple):
    """A way to look at clips.

    Args:
        read: clip (F, H, W, 3) and frame rate -> what is seen.
        judge: what is seen and what is wanted -> names of the tests that apply -> passed.
    """

    read: Callable[[Tensor, float], Any]
    judge: Callable[[Any, Wanted], Mapping[str, bool]]


class Passage(NamedTuple):
    """The first frame, the whole and the last frame of a clip."""

    before: ClipReading
    whole: ClipReading
    after: ClipReading


def acceleration(thing: ObjectReading, fps: float) -> float | None:
    """How an object falls that was at rest at the beginning, in units per second squared.

    Returns:
        The best fit to its height until it lands, None where it does not fall or too few frames
        show it.
    """
    height = thing.place[:, 1].double()
    landing = int((height < height.min() + _LANDED).nonzero()[0])
    frames = thing.seen[:landing].nonzero()[:, 0].cpu()
    if height[0] - height.min() < _DEEP or len(frames) < _FEWEST_FRAMES:
        return None
    squares = 0.5 * (frames.double() / fps) ** 2
    terms = torch.stack((torch.ones_like(squares), squares), dim=1)
    return -float(torch.linalg.lstsq(terms, height[frames]).solution[1])


def _judge_clip(reading: ClipReading, wanted: Wanted) -> Mapping[str, bool]:
    return {**judge(reading, wanted), UNASKED: len(reading.objects) > len(wanted.objects)}


def _read_fall(clip: Tensor, fps: float) -> dict[str, float | None]:
    """Each object's colour with its acceleration."""
    objects = reversed(read_clip(clip, fps).objects)
    return {thing.colour: acceleration(thing, fps) for thing in objects}


def _judge_fall(falls: Mapping[str, float | None], wanted: Wanted) -> Mapping[str, bool]:
    fall = falls.get(wanted.objects[0].colour or "")
    return {
        "falls": fall is not None,
        "acceleration": fall is not None and abs(fall / GRAVITY - 1) <= CLOSE,
    }


def _read_passage(clip: Tensor, fps: float) -> Passage:
    parts = (clip[:1], clip, clip[-1:])
    return Passage(*(read_clip(part, fps) for part in parts))


def _judge_passage(passage: Passage, wanted: Wanted) -> Mapping[str, bool]:
    """Whether the first object goes out of sight and is what it was when it is back."""
    asked = wanted.objects[0]
    whole = [thing for thing in passage.whole.objects if thing.colour == asked.colour]
    ends = [
        [t for t in p.objects if t.colour == asked.colour] for p in (passage.before, passage.after)
    ]
    return {
        "hidden": any(thing.area.min() < _HIDDEN * thing.area.max() for thing in whole),
        "colour": all(ends),
        "shape": all(any(t.shape == asked.shape for t in end) for end in ends),
    }


CLIP = View(read_clip, _judge_clip)
FALL = View(_read_fall, _judge_fall)
RETURN = View(_read_passage, _judge_passage)
