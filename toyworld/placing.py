"""Starting places and speeds that keep moving objects in view of the still camera."""

from __future__ import annotations

import math
from typing import NamedTuple

from .camera import STILL_CAMERA
from .motion import HEADINGS
from .seeded_draws import SeededDraws

MARGIN = 0.1
"""Distance in units that objects keep from the edges of the view."""


class Place(NamedTuple):
    """The fields of a `SceneObject` that a placement sets."""

    x: float
    z: float
    speed: float = 0.0
    reach: float = 0.0
    heading: float = 0.0


def place(draws: SeededDraws, motion: str, size: float, duration: float) -> Place:
    """Draw a place where an object that does `motion` for `duration` seconds stays in view."""
    side, ahead, pace, reach = (draws.between(0.0, 1.0) for _ in range(4))
    across = 2 * side - 1
    depth = 5.6 + 1.6 * ahead
    if motion in ("moves left", "moves right"):
        return _across(HEADINGS[motion][0], side, depth, 1.0 + 0.5 * pace, (size, duration))
    if motion == "rolls":
        heading = 1.0 if reach < 0.5 else -1.0
        found = _across(heading, side, depth, 1.0 + 0.5 * pace, (size, duration))
        return found._replace(heading=heading)
    if motion in ("comes closer", "goes away"):
        speed = min(1.5 + 0.5 * pace, 4.2 / duration)
        near = 4.8 + 0.6 * ahead
        start = near if motion == "goes away" else near + speed * duration
        return Place(across * _room(size, near), start, speed)
    if motion == "circles":
        radius = 0.75 + 0.25 * reach
        free = max(_room(size, depth - radius) - radius, 0.0)
        return Place(across * free, depth + 0.4, (2.6 + 1.2 * pace), radius)
    free = across * _room(size, depth)
    if motion == "bounces":
        return Place(free, depth, reach=0.8 + 0.3 * reach)
    return Place(free, depth, speed=(2.4 + 1.6 * pace) if motion == "spins" else 0.0)


def room(wide: float, size: float, depth: float, margin: float = MARGIN) -> float:
    """Return how far from the axis the centre of an object may be with all of it in view.

    Args:
        wide: its radius on the floor.
        size: its approximate height.
        depth: its z.
        margin: its distance from the edges of the view.
    """
    nearest = STILL_CAMERA.half_width(size / 2, depth - size / 2)
    return max(nearest - wide - margin, 0.0)


def depth_to_see(height: float) -> float:
    """Return how far from the camera a point at `height` must be to fit below the upper edge."""
    upwards = math.tan(STILL_CAMERA.field_of_view / 2 - STILL_CAMERA.pitch)
    return (height + MARGIN - STILL_CAMERA.height) / upwards


def _across(
    heading: float, side: float, depth: float, speed: float, fit: tuple[float, float]
) -> Place:
    size, duration = fit
    free = _room(size, depth)
    speed = min(speed, 2 * free / duration)
    start = free - side * (2 * free - speed * duration)
    return Place(-heading * start, depth, speed)


def _room(size: float, depth: float) -> float:
    return room(size / 2, size, depth, margin=0.15)
