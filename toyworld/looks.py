"""What objects are like before they have a place: drawn at random, or as is wished."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from .placing import room
from .scene import COLOURS, ROLLING_SHAPES, SHAPES, SIZES, SceneObject
from .seeded_draws import SeededDraws
from .solids import HALF_WIDTH


class Wish(NamedTuple):
    """What is fixed of the first object, how many seconds the scene must last, and where it is."""

    shape: str | None
    colour: str | None
    motion: str | None
    size: str | None
    duration: float
    setting: str


class Look(NamedTuple):
    """What an object is like, wherever it is."""

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
        """Return how far from the axis its middle may be with all of it in view, in units."""
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

    The wish is for the first one, and so are the `shapes` to choose from.
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
    """Return the motions that a shape, or some shape, can do."""
    can_roll = shape is None or shape in ROLLING_SHAPES
    return names if can_roll else [name for name in names if name != "rolls"]


def _taken(drawn: Sequence[Look]) -> set[str]:
    return {look.colour for look in drawn}
