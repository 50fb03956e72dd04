"""Whether a clip shows what its prompt wants: readings of the meter, and tests of them."""

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
"""The relations that a picture shows without depth."""

NUMBERS = ("one object", "two objects", "three objects")
CLOSE = 0.15
"""How far a fall's acceleration may be from the world's, as a share of it."""


class Reading(NamedTuple):
    """A way to look at clips.

    Args:
        read: clip (F, H, W, 3) and frame rate -> what is seen.
        judge: what is seen and what is wanted -> names of the tests that apply -> passed.
    """

    read: Callable[[Tensor, float], Any]
    judge: Callable[[Any, PromptSpec], Mapping[str, bool]]


def _judge_clip(reading: ClipReading, wanted: PromptSpec) -> Mapping[str, bool]:
    verdict = {**judge(reading, wanted), UNASKED: len(reading.objects) > len(wanted.objects)}
    if wanted.relation in ("left of", "right of"):
        verdict[SIDEWAYS] = verdict["relation"]
    return verdict


def _judge_count(reading: ClipReading, wanted: PromptSpec) -> Mapping[str, bool]:
    """Whether as many objects are seen as wanted, in general and of that number."""
    count = len(wanted.objects)
    if not count:
        return {}
    right = len(reading.objects) == count
    return {"count": right, NUMBERS[count - 1]: right}


def _read_falls(clip: Tensor, fps: float) -> dict[str, float | None]:
    """Each object's colour with its acceleration."""
    objects = reversed(read_clip(clip, fps).objects)
    return {thing.colour: fall_acceleration(thing, fps) for thing in objects}


def _judge_falls(falls: Mapping[str, float | None], wanted: PromptSpec) -> Mapping[str, bool]:
    """Whether the first object falls and, if it does, as fast as the world lets it."""
    fall = falls.get(wanted.objects[0].colour or "")
    if fall is None:
        return {"falls": False}
    return {"falls": True, "acceleration": abs(fall / GRAVITY - 1) <= CLOSE}


def _judge_passage(passage: Passage, wanted: PromptSpec) -> Mapping[str, bool]:
    """Whether the first object goes out of sight and, if it does, is what it was when back."""
    colour = wanted.objects[0].colour or ""
    if not is_hidden(passage, colour):
        return {"hidden": False}
    kept = {"colour": keeps_colour(passage, colour), "shape": keeps_shape(passage, colour)}
    return {"hidden": True, **kept}


CLIP = Reading(read_clip, _judge_clip)
COUNT = Reading(read_clip, _judge_count)
FALL = Reading(_read_falls, _judge_falls)
RETURN = Reading(read_passage, _judge_passage)
