"""Motions in closed form: legs across the floor, bounces, falls and turns, exact at any time."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from .scene import BOUNCE_PERIOD, SceneObject
from .solids import CYLINDER_RADIUS, HALF_HEIGHT, HALF_WIDTH

GRAVITY = 4.0
"""Acceleration of falling objects in units per second squared: slow enough to be seen in a clip."""
FALL_RESTITUTION = 0.6
"""The fraction of its speed that a fallen object keeps at each bounce."""

_TINY = 1e-4

HEADINGS: dict[str, tuple[float, float]] = {
    "moves left": (-1.0, 0.0),
    "moves right": (1.0, 0.0),
    "comes closer": (0.0, -1.0),
    "goes away": (0.0, 1.0),
}
"""Directions of straight motions, in x and z."""


class Leg(NamedTuple):
    """A steady part of a path from `start` seconds on: a straight line or a circle, with rotation.

    Every entry is a number, or an array with one number per requested moment.
    """

    start: Any
    x: Any  # of the starting point, or of the circle's centre
    z: Any
    velocity_x: Any
    velocity_z: Any
    radius: Any  # of the circle, 0 for a straight line
    angle: Any  # on the circle at the start
    turning: Any  # radians per second on the circle
    spin: Any  # radians per second about the vertical
    roll: Any  # radians per second about z, positive when it rolls to the right

    def place(self, seconds: Any) -> tuple[Any, Any]:
        """Return x and z at `seconds`."""
        past = seconds - self.start
        cos, sin = _cos_sin(self.angle + self.turning * past)
        x = self.x + self.velocity_x * past + self.radius * cos
        return x, self.z + self.velocity_z * past + self.radius * sin

    def velocity(self, seconds: Any) -> tuple[Any, Any]:
        """Return the speeds along x and z at `seconds`."""
        cos, sin = _cos_sin(self.angle + self.turning * (seconds - self.start))
        pace = self.radius * self.turning
        return self.velocity_x - pace * sin, self.velocity_z + pace * cos

    def rotation(self, seconds: Any) -> np.ndarray:
        """Return the rotation since the start (..., 3, 3)."""
        past = seconds - self.start
        return about_vertical(self.spin * past) @ about_depth(self.roll * past)


def leg_of(thing: SceneObject, motion: str, speed: float, start: float, place: Any) -> Leg:
    """Return the leg of a motion that begins at `start` seconds at `place` (x, z)."""
    x, z = place
    ahead = (thing.heading, 0.0) if motion == "rolls" else HEADINGS.get(motion, (0.0, 0.0))
    straight = Leg(start, x, z, ahead[0] * speed, ahead[1] * speed, 0.0, 0.0, 0.0, 0.0, 0.0)
    if motion == "circles":
        angle = 2 * math.pi * thing.phase
        x, z = x - thing.reach * math.cos(angle), z - thing.reach * math.sin(angle)
        return straight._replace(x=x, z=z, radius=thing.reach, angle=angle, turning=speed)
    if motion == "spins":
        return straight._replace(spin=speed)
    if motion == "rolls":
        return straight._replace(roll=straight.velocity_x / rolling_radius(thing))
    return straight


def first_leg(thing: SceneObject) -> Leg:
    """Return the leg of the object's first motion."""
    leg = leg_of(thing, thing.motion, thing.speed, 0.0, (thing.x, thing.z))
    return leg._replace(x=thing.x, z=thing.z)


def rolling_radius(thing: SceneObject) -> float:
    """Return the height of its axis above the floor when it rolls, in units."""
    return thing.size * (CYLINDER_RADIUS if thing.shape == "cylinder" else HALF_HEIGHT["sphere"])


def is_lying(thing: SceneObject) -> bool:
    """Return whether it lies on its side, with its axis along z."""
    return thing.shape == "cylinder" and "rolls" in thing.motions


def half_height(thing: SceneObject) -> float:
    """Return the height of its centre above its lowest point, in units."""
    return rolling_radius(thing) if is_lying(thing) else HALF_HEIGHT[thing.shape] * thing.size


def extent(thing: SceneObject) -> float:
    """Return the radius of its disc on the floor, in units."""
    return HALF_WIDTH[thing.shape] * thing.size


def seen_width(thing: SceneObject, depth: Any) -> Any:
    """Return half of its apparent width from `depth` units in front of it, at depth 1.

    Cubes count with their orientation at time 0, unless they spin; all others count as discs.
    """
    if thing.shape == "cube" and "spins" not in thing.motions:
        corners = [thing.yaw + math.pi * quarter / 4 for quarter in (1, 3, 5, 7)]
        sides = [(math.cos(angle), math.sin(angle)) for angle in corners]
        wide = extent(thing)
        return np.max([abs(x) * wide / (depth + z * wide) for x, z in sides], axis=0)
    return extent(thing) / np.sqrt(np.maximum(depth * depth - extent(thing) ** 2, _TINY))


def first_rotation(thing: SceneObject) -> np.ndarray:
    """Return the rotation (3, 3) from the object's frame to the world at time 0."""
    turned = about_vertical(np.float64(thing.yaw))
    return np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]]) @ turned if is_lying(thing) else turned


def lowest(thing: SceneObject, seconds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the height of its lowest point and its upward speed at each of `seconds` (F,)."""
    if thing.motion == "falls":
        return _fall(thing.y, seconds)
    height, speed = np.full_like(seconds, thing.y), np.zeros_like(seconds)
    for begin, end, cycles, phase in _bounces(thing):
        during = (seconds >= begin) & (seconds < end)
        part = np.mod((seconds - max(begin, 0.0)) * cycles + phase, 1.0)
        height = height + np.where(during, 4 * thing.reach * part * (1 - part), 0.0)
        speed = speed + np.where(during, 4 * thing.reach * cycles * (1 - 2 * part), 0.0)
    return height, speed


def about_vertical(angle: Any) -> np.ndarray:
    """Return rotations (..., 3, 3) about y: from +x towards -z for positive angles."""
    cos, sin, none = np.cos(angle), np.sin(angle), np.zeros_like(angle)
    rows = ((cos, none, sin), (none, none + 1, none), (-sin, none, cos))
    return np.moveaxis(np.array(rows), (0, 1), (-2, -1))


def about_depth(angle: Any) -> np.ndarray:
    """Return rotations (..., 3, 3) about z: from +y towards +x for positive angles."""
    cos, sin, none = np.cos(angle), np.sin(angle), np.zeros_like(angle)
    rows = ((cos, sin, none), (-sin, cos, none), (none, none, none + 1))
    return np.moveaxis(np.array(rows), (0, 1), (-2, -1))


def _cos_sin(angle: Any) -> tuple[Any, Any]:
    maths = np if isinstance(angle, np.ndarray) else math  # math is faster for single numbers
    return maths.cos(angle), maths.sin(angle)


def _bounces(thing: SceneObject) -> list[tuple[float, float, float, float]]:
    """Return spans of bounces: begin and end in seconds, bounces per second, initial phase."""
    spans, down = [], thing.turn
    if thing.motion == "bounces":
        cycles = thing.speed or 1 / BOUNCE_PERIOD
        if thing.then is None:
            down = math.inf
        else:
            down = (math.ceil(thing.turn * cycles + thing.phase - 1e-9) - thing.phase) / cycles
        spans.append((-math.inf, down, cycles, thing.phase))
    if thing.then == "bounces":
        spans.append((down, math.inf, thing.then_speed or 1 / BOUNCE_PERIOD, 0.0))
    return spans


def _fall(height: float, seconds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return height and upward speed of a fall from rest and its bounces, in closed form."""
    if height == 0:
        return np.zeros_like(seconds), np.zeros_like(seconds)
    first = math.sqrt(2 * height / GRAVITY)
    flight = 2 * first * FALL_RESTITUTION  # of the first bounce
    past = seconds - first
    left = np.maximum(1 - past * (1 - FALL_RESTITUTION) / flight, 1e-9)
    number = np.maximum(np.floor(np.log(left) / math.log(FALL_RESTITUTION) + 1e-9), 0.0)
    keep = FALL_RESTITUTION**number
    begun = first + flight * (1 - keep) / (1 - FALL_RESTITUTION)
    into, launch = seconds - begun, GRAVITY * flight * keep / 2
    bouncing = np.maximum(launch * into - GRAVITY * into**2 / 2, 0.0)
    falling, resting = past < 0, left <= 1e-9
    low = np.where(falling, height - GRAVITY * seconds**2 / 2, np.where(resting, 0.0, bouncing))
    speed = np.where(resting, 0.0, launch - GRAVITY * into)
    return low, np.where(falling, -GRAVITY * seconds, speed)
