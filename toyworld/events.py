"""Kinds of scenes in which something happens between objects or at the edge of the view."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from .camera import STILL_CAMERA
from .looks import Look, Wish, looks
from .motion import GRAVITY, seen_width
from .placing import depth_to_see
from .scene import SIZES, Scene, SceneObject
from .seeded_draws import SeededDraws
from .solids import HALF_HEIGHT

ACROSS = ("moves left", "moves right")
_STILL = ("stays still",)


def falls(draws: SeededDraws, wish: Wish) -> Iterator[Scene]:
    """Yield scenes of an object that falls, alone or next to another one that stands."""
    count = 1 + int(draws.between(0, 2))
    faller, *others = looks(draws, wish, (("falls",), _STILL)[:count])
    tall = 2 * HALF_HEIGHT[faller.shape] * faller.size
    longest = GRAVITY * (0.8 * wish.duration) ** 2 / 2
    side = math.copysign(1.0, draws.between(-1.0, 1.0))
    while True:
        depth = draws.between(6.4, 7.8)
        highest = STILL_CAMERA.height + (depth - faller.size / 2) * _RISE - tall - 0.1
        height = draws.between(0.65, 1.0) * min(highest, longest)
        things = [replace(_at_side(draws, faller, side, depth), y=height)]
        things += [_at_side(draws, look, -side, draws.between(6.4, 7.8)) for look in others]
        yield Scene(objects=tuple(things))


def hits(draws: SeededDraws, wish: Wish) -> Iterator[Scene]:
    """Yield scenes of an object that hits another one, which flies off."""
    return _collisions(draws, wish, 1.0)


def pushes(draws: SeededDraws, wish: Wish) -> Iterator[Scene]:
    """Yield scenes of an object that pushes another one along."""
    return _collisions(draws, wish, 0.0)


def occlusion(draws: SeededDraws, wish: Wish) -> Iterator[Scene]:
    """Yield scenes of an object that passes behind another, large one."""
    hidden, front = looks(draws, wish, (ACROSS, _STILL))
    if wish.size is None:
        hidden = hidden._replace(size=SIZES["small"])
    screens = _SCREENS[: 3 if hidden.size < SIZES["large"] else 2]
    front = front._replace(shape=draws.choose(screens), size=SIZES["large"])
    while True:
        near, far = draws.between(5.4, 6.0), draws.between(7.8, 8.6)
        side = draws.between(-0.2, 0.2)
        before = STILL_CAMERA.depth(front.size / 2, near)
        depth = STILL_CAMERA.depth(hidden.size / 2, far)
        middle = side / before * depth
        sweep = float(seen_width(front.at(side, near), before)) * depth + 0.7 * hidden.wide
        sweep = min(sweep, hidden.room(far) - abs(middle))
        heading = 1.0 if hidden.motion == "moves right" else -1.0
        speed = 2 * sweep / wish.duration
        passing = hidden.at(middle - heading * sweep, far, speed=speed)
        yield Scene(objects=(passing, front.at(side, near)))


def leaves(draws: SeededDraws, wish: Wish) -> Iterator[Scene]:
    """Yield scenes of an object that leaves the view on one side and comes back."""
    (look,) = looks(draws, wish, (ACROSS,))
    heading = 1.0 if look.motion == "moves right" else -1.0
    then = ACROSS[look.motion == "moves left"]
    wide = look.wide
    while True:
        depth = draws.between(5.2, 6.4)
        inside = look.room(depth) - draws.between(0.0, 0.3)
        outside = STILL_CAMERA.half_width(0.0, depth + wide) + wide + draws.between(0.15, 0.4)
        turn = wish.duration / 2
        speed = (outside - inside) / turn
        thing = look.at(
            heading * inside, depth, speed=speed, then_speed=speed, then=then, turn=turn
        )
        yield Scene(objects=(thing,))


_RISE = 1 / (depth_to_see(STILL_CAMERA.height + 1.0) - depth_to_see(STILL_CAMERA.height))
_SCREENS = ("sphere", "cube", "cylinder")  # the widest first: the last hides small things alone


def _collisions(draws: SeededDraws, wish: Wish, restitution: float) -> Iterator[Scene]:
    """Yield scenes in which the first object runs straight into the second one, which stands."""
    runner, other = (_corner_first(look) for look in looks(draws, wish, (ACROSS, _STILL)))
    heading = 1.0 if runner.motion == "moves right" else -1.0
    mass, other_mass = runner.size**3, other.size**3
    share = (1 + restitution) * mass / (mass + other_mass)
    reach = runner.wide + other.wide
    while True:
        depth = draws.between(6.4, 7.4) + 1.7 * (reach - 1.0)
        meet = wish.duration * draws.between(0.35, 0.5)
        free = runner.room(depth) + other.room(depth) - reach
        way = meet + share * (wish.duration - meet)
        speed = min(draws.between(1.4, 2.2), free / way)
        start = -runner.room(depth) + draws.between(0.0, 1.0) * (free - speed * way)
        first = runner.at(heading * start, depth, speed=speed)
        second = other.at(heading * (start + speed * meet + reach), depth)
        yield Scene(objects=(first, second), restitution=restitution)


def _corner_first(look: Look) -> Look:
    """Turn a cube so that it touches objects to its left or right exactly where its disc does."""
    return look._replace(yaw=math.pi / 4) if look.shape == "cube" else look


def _at_side(draws: SeededDraws, look: Look, side: float, depth: float) -> SceneObject:
    """Return the object somewhere in the left (-1) or right (1) half of the view."""
    return look.at(side * draws.between(look.wide + 0.08, look.room(depth)), depth)
