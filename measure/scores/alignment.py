"""Read the contents of a toy-world clip from its pixels, and compare them with a text.

The empty images of all settings are known, so the setting is the one whose image is closest,
and objects are the pixels that neither that image nor a shadow on it explains. Images of every
solid in every pose are fitted to each object: the best fit gives its shape, position and rotation,
which distinguish its motions.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from ...toyworld.prompt_spec import PromptSpec, WantedObject
from ...toyworld.scene import RELATIONS
from .finding import find_objects
from .following import follow
from .reading import ClipReading, ObjectReading
from .relations import holds
from .scenery import read_scenery, soften


def read_clip(video: Tensor, fps: float = 16.0) -> ClipReading:
    """Read a clip (F, H, W, 3) of display colours in [0, 1].

    Raises:
        ValueError: the tensor does not have that shape, or the rate is not above 0.
    """
    if video.ndim != 4 or video.shape[-1] != 3 or 0 in video.shape:
        raise ValueError(f"a clip of shape {tuple(video.shape)} cannot be read: give (F, H, W, 3)")
    if fps <= 0:
        raise ValueError(f"a clip of {fps} frames per second cannot be read: use a rate above 0")
    video = soften(video.detach().float().cpu().clamp(0, 1))
    scenery = read_scenery(video)
    objects = follow(video, scenery, find_objects(video, scenery), fps)
    return ClipReading(scenery.setting, scenery.style, tuple(objects))


def read_frame(frame: Tensor) -> ClipReading:
    """Read a single image (H, W, 3); its objects have no motion."""
    return read_clip(frame[None])


def judge(reading: ClipReading, wanted: PromptSpec) -> dict[str, bool]:
    """Judge which of the wanted properties a clip shows; unspecified ones are left out.

    Returns:
        "colour", "shape", "motion", "then" (for all wanted objects) and "setting", "style"; for two
        or more objects "binding" (each colour with its shape), "count" and "relation"; and "all".
    """
    pairs = _matched(reading.objects, wanted.objects)
    verdict = {
        name: all(_is(seen, name, getattr(asked, name)) for seen, asked in pairs)
        for name in ("colour", "shape", "motion", "then")
        if any(getattr(asked, name) is not None for asked in wanted.objects)
    }
    for name in ("setting", "style"):
        if getattr(wanted, name) is not None:
            verdict[name] = getattr(reading, name) == getattr(wanted, name)
    if len(wanted.objects) > 1:
        verdict["binding"] = all(
            _is(seen, name, getattr(asked, name))
            for seen, asked in pairs
            for name in ("colour", "shape")
        )
        verdict["count"] = len(reading.objects) == len(wanted.objects)
    if wanted.relation in RELATIONS and len(pairs) > 1:
        first, second = pairs[0][0], pairs[1][0]
        verdict["relation"] = (
            first is not None and second is not None and holds(wanted.relation, first, second)
        )
    return {**verdict, "all": all(verdict.values())}


def _matched(
    seen: Sequence[ObjectReading], asked: Sequence[WantedObject]
) -> list[tuple[ObjectReading | None, WantedObject]]:
    """Pair wanted objects with seen ones: by colour and shape, then by colour, then by size."""
    left = list(seen)
    found: dict[int, ObjectReading] = {}
    for names in (("colour", "shape"), ("colour",), ()):
        for number, want in enumerate(asked):
            fitting = [t for t in left if all(_is(t, name, getattr(want, name)) for name in names)]
            if number not in found and fitting:
                found[number] = fitting[0]
                left.remove(fitting[0])
    return [(found.get(number), want) for number, want in enumerate(asked)]


def _is(seen: ObjectReading | None, name: str, value: str | None) -> bool:
    return value is None or (seen is not None and getattr(seen, name) == value)
