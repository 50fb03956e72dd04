"""Whether objects of a clip are where they should be: in the image, and in depth order."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import torch
from torch import Tensor

from .reading import ClipReading, ObjectReading

NEAR = 0.12
"""Largest distance at which an object is matched to a place, as a share of the image width."""

APART = 1.0
"""Smallest distance between two objects, in units, at which their depth order is judged."""

FEWEST_SEEN = 0.5
"""Smallest share of the frames that must show an object for its path to be judged."""


class Placed(NamedTuple):
    """Wanted place of an object.

    Attributes:
        x, y: its centre in pixels (F,).
        z: distance from the camera's foot in units (F,).
        seen: whether any of it is visible (F,) bool.
    """

    x: Tensor
    y: Tensor
    z: Tensor
    seen: Tensor


def in_order(reading: ClipReading, wanted: Sequence[Placed], width: int) -> tuple[bool, bool]:
    """Return whether every wanted place has an object, and whether their depth order is right.

    Depth order is judged only for pairs at least `APART`; appearance is ignored.

    Args:
        width: image width in pixels.
    """
    found = _matched(reading, wanted, width)
    if any(each is None for each in found):
        return False, False
    pairs = combinations(zip(wanted, found, strict=True), 2)
    return True, all(_alike(*one, *other) for one, other in pairs)


def distance_apart(one: Placed, other: Placed) -> float:
    """Return how far one object is behind another in units: the median where both are visible."""
    both = one.seen & other.seen
    return float((one.z - other.z)[both].median()) if both.any() else 0.0


def _matched(
    reading: ClipReading, wanted: Sequence[Placed], width: int
) -> list[ObjectReading | None]:
    """Match the clip's closest object to each place; each object is used once."""
    away = {
        (place, number): _distance(thing, each)
        for place, each in enumerate(wanted)
        for number, thing in enumerate(reading.objects)
    }
    found: dict[int, ObjectReading] = {}
    taken: set[int] = set()
    for place, number in sorted(away, key=away.__getitem__):
        near = away[place, number] <= NEAR * width
        if near and place not in found and number not in taken:
            found[place] = reading.objects[number]
            taken.add(number)
    return [found.get(place) for place in range(len(wanted))]


def _distance(thing: ObjectReading, wanted: Placed) -> float:
    """Distance in pixels between an object and its place: the median where both are visible."""
    both = thing.seen & wanted.seen
    if not both.any():
        return float("inf")
    return float(torch.hypot(thing.x - wanted.x, thing.y - wanted.y)[both].median())


def _alike(
    first: Placed, one: ObjectReading | None, second: Placed, other: ObjectReading | None
) -> bool:
    assert one is not None
    assert other is not None
    apart = distance_apart(first, second)
    both = one.seen & other.seen
    if abs(apart) < APART or not both.any():
        return True
    return float((one.place[:, 2] - other.place[:, 2])[both].median()) * apart > 0


def centre_error(reading: ClipReading, colour: str | None, wanted: Placed, width: int) -> float:
    """Return an object's mean distance from its path, see `off_track`."""
    return float(off_track(reading, colour, wanted, width).mean())


def off_track(reading: ClipReading, colour: str | None, wanted: Placed, width: int) -> Tensor:
    """Return an object's distance from its path in each frame, as a share of the image width.

    The object is the largest of the given colour, or the largest of all if there is none.

    Args:
        width: image width in pixels.

    Returns:
        (F,) for the frames where it should be visible and is; at most 1, and a single 1 for an
        object that is missing or visible in too few frames.
    """
    own = [thing for thing in reading.objects if thing.colour == colour]
    thing = next(iter(own or reading.objects), None)
    if thing is None:
        return torch.ones(1)
    both = thing.seen & wanted.seen
    if both.sum() < FEWEST_SEEN * wanted.seen.sum():
        return torch.ones(1)
    away = torch.hypot(thing.x - wanted.x, thing.y - wanted.y)[both]
    return (away / width).clamp(max=1.0)
