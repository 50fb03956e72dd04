"""Properties of objects before they are placed: drawn at random or as requested."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from .placing import room
from .scene import COLOURS, ROLLING_SHAPES, SHAPES, SIZES, SceneObject
from .seeded_draws import SeededDraws
from .solids import HALF_WIDTH


class Wish(NamedTuple):
    """Fixed properties of the first object, the scene's duration in seconds, and its setting."""

    shape: str | None
    colour: str | None
    motion: str | None
    size: str | None
    duration: float
    setting: str


class Look(NamedTuple):
    """The properties of an object that do not depend on its place."""

    shape: str
    colour: str
    motion: str
    size: float
    yaw: float
    phase: float

    @property
    def wide(self) -> float:
        """The radius of its disc on the floor, in units."""
        return HALF_WIDTH[self.shape] * self.size

    def room(self, depth: float) -> float:
        """Return how far from the axis its centre may be with all of it in view, in units."""
        return room(self.wide, self.size, depth)

    def at(self, x: float, z: float, **more: Any) -> SceneObject:
        """Return the object at a place on the floor."""
        return SceneObject(**{**self._asdict(), "x": x, "z": z, **more})


def looks(
    draws: SeededDraws,
    wish: Wish,
    motions: Sequence[Sequence[str]],
    shapes: Sequence[str] = SHAPES,
) -> list[Look]:
    """Draw one object for each choice of motions, all in different colours.

    The wish and the `shapes` to choose from apply to the first object.
    """
    drawn: list[Look] = []
    nothing = Wish(None, None, None, None, wish.duration, wish.setting)
    for index, names in enumerate(motions):
        own, able = (nothing, SHAPES) if index else (wish, shapes)
        motion = draws.choose(possible(names, own.shape), own.motion)
        able = ROLLING_SHAPES if motion == "rolls" and able is SHAPES else able
        shape = draws.choose(able, own.shape)
        colour = draws.choose([name for name in COLOURS if name not in _taken(drawn)], own.colour)
        size = SIZES[draws.choose(SIZES, own.size)]
        yaw, phase = draws.between(0.0, 2 * math.pi), draws.between(0.0, 1.0)
        drawn.append(Look(shape, colour, motion, size, yaw, phase))
    return drawn


def possible(names: Sequence[str], shape: str | None) -> Sequence[str]:
    """Return the motions that a shape can do, or that any shape can do if it is None."""
    can_roll = shape is None or shape in ROLLING_SHAPES
    return names if can_roll else [name for name in names if name != "rolls"]


def _taken(drawn: Sequence[Look]) -> set[str]:
    return {look.colour for look in drawn}
