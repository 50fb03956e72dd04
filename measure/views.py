"""Readings of clips, and tests of whether they show what their prompts describe."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from torch import Tensor

from ..toyworld.motion import GRAVITY
from ..toyworld.prompt_spec import PromptSpec
from .scores.alignment import judge, read_clip
from .scores.permanence import Passage, is_hidden, keeps_colour, keeps_shape, read_passage
from .scores.physics import fall_acceleration
from .scores.reading import ClipReading

UNASKED = "spurious objects"
SIDEWAYS = "left or right"
"""The relations that an image shows without depth."""

NUMBERS = ("one object", "two objects", "three objects")
CLOSE = 0.15
"""Largest relative deviation of a fall's acceleration from the world's."""


class Reading(NamedTuple):
    """A way to read and judge clips.

    Args:
        read: clip (F, H, W, 3) and frame rate -> a reading.
        judge: (reading, spec of the prompt) -> whether each test that applies is passed, by name.
    """

    read: Callable[[Tensor, float], Any]
    judge: Callable[[Any, PromptSpec], Mapping[str, bool]]


def _judge_clip(reading: ClipReading, wanted: PromptSpec) -> Mapping[str, bool]:
    verdict = {**judge(reading, wanted), UNASKED: len(reading.objects) > len(wanted.objects)}
    if wanted.relation in ("left of", "right of"):
        verdict[SIDEWAYS] = verdict["relation"]
    return verdict


def _judge_count(reading: ClipReading, wanted: PromptSpec) -> Mapping[str, bool]:
    """Whether the number of objects is right, in general and for that number."""
    count = len(wanted.objects)
    if not count:
        return {}
    right = len(reading.objects) == count
    return {"count": right, NUMBERS[count - 1]: right}


def _read_falls(clip: Tensor, fps: float) -> dict[str, float | None]:
    """Acceleration of each object's fall, by its colour."""
    objects = reversed(read_clip(clip, fps).objects)
    return {thing.colour: fall_acceleration(thing, fps) for thing in objects}


def _judge_falls(falls: Mapping[str, float | None], wanted: PromptSpec) -> Mapping[str, bool]:
    """Whether the first object falls and, if so, whether its acceleration is near the world's."""
    fall = falls.get(wanted.objects[0].colour or "")
    if fall is None:
        return {"falls": False}
    return {"falls": True, "acceleration": abs(fall / GRAVITY - 1) <= CLOSE}


def _judge_passage(passage: Passage, wanted: PromptSpec) -> Mapping[str, bool]:
    """Whether the first object is hidden and, if so, keeps its colour and shape afterwards."""
    colour = wanted.objects[0].colour or ""
    if not is_hidden(passage, colour):
        return {"hidden": False}
    kept = {"colour": keeps_colour(passage, colour), "shape": keeps_shape(passage, colour)}
    return {"hidden": True, **kept}


CLIP = Reading(read_clip, _judge_clip)
COUNT = Reading(read_clip, _judge_count)
FALL = Reading(_read_falls, _judge_falls)
RETURN = Reading(read_passage, _judge_passage)
