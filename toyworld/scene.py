"""What a scene is made of, and seeded random scenes whose objects stay in view."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import torch

from .camera import STILL_CAMERA, Camera
from .settings import RGB, SETTINGS

SHAPES: tuple[str, ...] = ("sphere", "cube", "cylinder", "cone")
MOTIONS: tuple[str, ...] = (
    "stays still",
    "moves left",
    "moves right",
    "comes closer",
    "goes away",
    "bounces",
    "spins",
    "circles",
)
COLOURS: dict[str, RGB] = {
    "red": (0.88, 0.09, 0.09),
    "green": (0.10, 0.68, 0.16),
    "blue": (0.08, 0.26, 0.92),
    "yellow": (0.98, 0.88, 0.10),
    "purple": (0.58, 0.14, 0.74),
    "orange": (1.00, 0.48, 0.03),
    "white": (0.97, 0.97, 0.97),
    "black": (0.06, 0.06, 0.07),
}
SIZES: dict[str, float] = {"small": 1.2, "large": 1.6}

DEFAULT_DURATION = 33 / 16
BOUNCE_PERIOD = 0.8

_MARGIN = 0.15
_DRAWS = 16


@dataclass(frozen=True, kw_only=True)
class SceneObject:
    """Describe one object and its motion.

    Args:
        shape, colour, motion: one of `SHAPES`, `COLOURS`, `MOTIONS`.
        size: width and height in units, roughly (see `SIZES`; the exact solids are in solids.py).
        x, z: place on the floor at time 0, or the centre of the circle of "circles".
        speed: units per second; for "spins" and "circles" radians per second.
        reach: the bounce's height or the circle's radius in units.
        yaw: angle about the vertical at time 0, in radians.
        phase: where in its cycle a bounce or a circle begins, in [0, 1).
    """

    shape: str
    colour: str
    motion: str = "stays still"
    size: float = SIZES["small"]
    x: float = 0.0
    z: float = 6.0
    speed: float = 0.0
    reach: float = 0.0
    yaw: float = 0.0
    phase: float = 0.0

    def __post_init__(self) -> None:
        check_choice("shape", self.shape, SHAPES)
        check_choice("colour", self.colour, COLOURS)
        check_choice("motion", self.motion, MOTIONS)
        if self.size <= 0:
            raise ValueError(f"an object of size {self.size} cannot be seen: use a size above 0")


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Describe one clip's world: its objects, its setting, who looks, and the seed it came from."""

    objects: tuple[SceneObject, ...]
    setting: str = "at day"
    camera: Camera = STILL_CAMERA
    seed: int = 0

    def __post_init__(self) -> None:
        check_choice("setting", self.setting, SETTINGS)


class _Place(NamedTuple):
    x: float
    z: float
    speed: float = 0.0
    reach: float = 0.0


class _Dice:
    """Hand out the numbers of one seed in a fixed order, so that a constraint moves no other."""

    def __init__(self, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        draws = torch.rand(_DRAWS, generator=generator, dtype=torch.float64)
        self._draws = iter(draws.tolist())

    def between(self, low: float, high: float) -> float:
        return low + (high - low) * next(self._draws)

    def choose(self, options: Iterable[str], fixed: str | None) -> str:
        names = tuple(options)
        drawn = names[int(len(names) * next(self._draws))]
        return drawn if fixed is None else fixed


def check_choice(kind: str, name: str, options: Iterable[str]) -> None:
    """Raise ValueError if `name` is not among `options`, naming all of them."""
    names = tuple(options)
    if name not in names:
        raise ValueError(f"unknown {kind} {name!r}: use one of {', '.join(names)}")


def random_scene(
    seed: int,
    *,
    shape: str | None = None,
    colour: str | None = None,
    motion: str | None = None,
    setting: str | None = None,
    size: str | None = None,
    duration: float = DEFAULT_DURATION,
) -> Scene:
    """Draw the scene of a seed: one object somewhere in view, staying there for `duration`.

    Args:
        seed: the same seed and constraints give the same scene.
        shape, colour, motion, setting, size: fix a property (names as in `SHAPES`, `COLOURS`,
            `MOTIONS`, `SETTINGS`, `SIZES`); the others stay as drawn.
        duration: seconds during which the object must stay in view of a square (or longer)
            picture; a long one slows movements down to fit.

    Raises:
        ValueError: a name is unknown or the duration is not above 0.
    """
    if duration <= 0:
        raise ValueError(f"a duration of {duration} s is empty: use one above 0")
    dice = _Dice(seed)
    shape = dice.choose(SHAPES, shape)
    colour = dice.choose(COLOURS, colour)
    motion = dice.choose(MOTIONS, motion)
    setting = dice.choose(SETTINGS, setting)
    size = dice.choose(SIZES, size)
    check_choice("motion", motion, MOTIONS)
    check_choice("size", size, SIZES)
    place = _place(dice, motion, SIZES[size], duration, STILL_CAMERA)
    thing = SceneObject(
        shape=shape,
        colour=colour,
        motion=motion,
        size=SIZES[size],
        x=place.x,
        z=place.z,
        speed=place.speed,
        reach=place.reach,
        yaw=dice.between(0.0, 2 * torch.pi),
        phase=dice.between(0.0, 1.0),
    )
    return Scene(objects=(thing,), setting=setting, seed=seed)


def _place(dice: _Dice, motion: str, size: float, duration: float, camera: Camera) -> _Place:
    side, ahead, pace, reach = (dice.between(0.0, 1.0) for _ in range(4))
    across = 2 * side - 1
    depth = 5.6 + 1.6 * ahead
    if motion in ("moves left", "moves right"):
        return _across(motion, side, depth, 1.0 + 0.5 * pace, (size, duration, camera))
    if motion in ("comes closer", "goes away"):
        speed = min(1.5 + 0.5 * pace, 4.2 / duration)
        near = 4.8 + 0.6 * ahead
        start = near if motion == "goes away" else near + speed * duration
        return _Place(across * _room(size, near, camera), start, speed)
    if motion == "circles":
        radius = 0.75 + 0.25 * reach
        room = max(_room(size, depth - radius, camera) - radius, 0.0)
        return _Place(across * room, depth + 0.4, (2.6 + 1.2 * pace), radius)
    room = across * _room(size, depth, camera)
    if motion == "bounces":
        return _Place(room, depth, reach=0.8 + 0.3 * reach)
    return _Place(room, depth, speed=(2.4 + 1.6 * pace) if motion == "spins" else 0.0)


def _across(
    motion: str, side: float, depth: float, speed: float, fit: tuple[float, float, Camera]
) -> _Place:
    size, duration, camera = fit
    room = _room(size, depth, camera)
    speed = min(speed, 2 * room / duration)
    start = room - side * (2 * room - speed * duration)
    return _Place(start if motion == "moves left" else -start, depth, speed)


def _room(size: float, depth: float, camera: Camera) -> float:
    """How far from the axis an object's centre may be with all of it in view."""
    nearest = camera.half_width(size / 2, depth - size / 2)
    return max(nearest - size / 2 - _MARGIN, 0.0)
