"""Test whether a clip's objects are in their places, in the image and in order of depth."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import torch
from torch import Tensor

from .reading import ClipReading, ObjectReading

NEAR = 0.12
"""Share of an image's width within which an object counts as the one that belongs in a place."""

APART = 1.0
"""Distance between two objects, in units, from which the nearer one can be identified."""

FEWEST_SEEN = 0.5
"""Share of the frames in which an object must be seen for its path to be judged."""


class Placed(NamedTuple):
    """Where an object should be.

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
    """Return whether every place has an object, and whether these are in the wanted depth order.

    Only pairs that stand `APART` are compared in depth; the objects' looks are not compared.

    Args:
        width: the image's width in pixels.
    """
    found = _matched(reading, wanted, width)
    if any(each is None for each in found):
        return False, False
    pairs = combinations(zip(wanted, found, strict=True), 2)
    return True, all(_alike(*one, *other) for one, other in pairs)


def distance_apart(one: Placed, other: Placed) -> float:
    """Return how many units one object stands behind another: the median over frames that show
    both."""
    both = one.seen & other.seen
    return float((one.z - other.z)[both].median()) if both.any() else 0.0


def _matched(
    reading: ClipReading, wanted: Sequence[Placed], width: int
) -> list[ObjectReading | None]:
    """The object of the clip that is closest to each place; no object is used twice."""
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
    """Distance in pixels between an object and its place: the median over frames that show both."""
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
    """Return how far an object is from its path on average, as measured by `off_track`."""
    return float(off_track(reading, colour, wanted, width).mean())


def off_track(reading: ClipReading, colour: str | None, wanted: Placed, width: int) -> Tensor:
    """Return an object's distance from its path in each frame that shows it, as a share of `width`.

    The object is the largest one of a colour, or the largest of all if none has that colour.

    Args:
        width: the image's width in pixels.

    Returns:
        (F,) for the frames where it should be seen and is; 1 at most, and a single 1 for an object
        that is missing or hardly ever seen.
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
