"""Kinds of scenes with one to three objects that move independently of each other."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import permutations

from .looks import Look, Wish, looks, possible
from .motion import HEADINGS
from .placing import depth_to_see, place
from .scene import (
    BOUNCE_PERIOD,
    COMMANDS,
    MOTIONS,
    RELATIONS,
    ROLLING_SHAPES,
    SHAPES,
    SIZES,
    TARGETS,
    Actions,
    Scene,
    SceneObject,
)
from .seeded_draws import SeededDraws
from .solids import HALF_HEIGHT

GENTLE = ("stays still", "moves left", "moves right", "bounces", "spins")
PERIODIC = ("stays still", "bounces", "spins", "circles")
TRAVELS = (*HEADINGS, "circles", "rolls")
ON_THE_SPOT = ("stays still", "bounces", "spins")
FLAT_TOPS = ("cube", "cylinder")
COMMAND_RATE = 16.0
_FREE_TRIES = 2
_AIR = 0.08


def single(draws: SeededDraws, wish: Wish) -> Iterator[Scene]:
    """Yield scenes of one object with one motion."""
    (look,) = looks(draws, wish, (MOTIONS,))
    while True:
        yield Scene(objects=(_placed(draws, look, wish.duration),))


def trail(draws: SeededDraws, wish: Wish) -> Iterator[Scene]:
    """Yield scenes of one object that moves and leaves a trail of paint."""
    (look,) = looks(draws, wish, (TRAVELS,))
    while True:
        yield Scene(objects=(replace(_placed(draws, look, wish.duration), trail=True),))


def sequence(draws: SeededDraws, wish: Wish) -> Iterator[Scene]:
    """Yield scenes of one object that changes its motion about halfway through."""
    names = possible(MOTIONS, wish.shape)
    first = draws.choose(names, wish.motion)
    then = draws.choose([name for name in names if _may_follow(name, first, wish.shape)])
    shapes = ROLLING_SHAPES if "rolls" in (first, then) else SHAPES
    shapes = ("sphere",) if {first, then} == {"rolls", "spins"} else shapes
    (look,) = looks(draws, wish._replace(motion=first), (MOTIONS,), shapes)
    while True:
        turn = wish.duration * draws.between(0.45, 0.55)
        depth = draws.between(5.4, 8.4)
        side = draws.between(-1.0, 1.0) * look.room(depth)
        paces = [_pace(draws, motion, wish.duration / 2) for motion in (first, then)]
        more = {
            "then": then,
            "turn": turn,
            "speed": paces[0],
            "then_speed": paces[1],
            "reach": draws.between(0.75, 0.95),
            "heading": math.copysign(1.0, draws.between(-1.0, 1.0)),
            "phase": -turn / BOUNCE_PERIOD % 1.0 if first == "bounces" else look.phase,
        }
        yield Scene(objects=(look.at(side, depth, **more),))


def pair(draws: SeededDraws, wish: Wish) -> Iterator[Scene]:
    """Yield scenes of two objects with motions of their own."""
    both = looks(draws, wish, (MOTIONS, MOTIONS))
    sides = (-1.0, 1.0) if draws.between(0.0, 1.0) < 0.5 else (1.0, -1.0)
    for _ in range(_FREE_TRIES):
        yield Scene(objects=tuple(_placed(draws, look, wish.duration) for look in both))
    while True:
        halves = zip(both, sides, strict=True)
        things = (_in_half(draws, look, side, wish.duration) for look, side in halves)
        yield Scene(objects=tuple(things))


def three(draws: SeededDraws, wish: Wish) -> Iterator[Scene]:
    """Yield scenes of three objects side by side that stand or move gently."""
    trio = looks(draws, wish, (GENTLE, GENTLE, GENTLE))
    trio = [look if wish.size else look._replace(size=SIZES["small"]) for look in trio]
    order = list(permutations((-1.0, 0.0, 1.0)))[int(draws.between(0, 6))]
    while True:
        things = []
        for side, look in zip(order, trio, strict=True):
            depth = draws.between(6.4, 9.2)
            place = side * draws.between(0.75, 1.0) * look.room(depth)
            things.append(gentle(draws, look, place, depth, wish.duration))
        yield Scene(objects=tuple(things))


def relation(draws: SeededDraws, wish: Wish) -> Iterator[Scene]:
    """Yield scenes of two objects in a relation, at most one of them moving gently."""
    relations = RELATIONS[:-1] if wish.motion in HEADINGS else RELATIONS
    name = draws.choose(relations)
    moving = int(draws.between(0, 4)) if wish.motion is None else 0
    if name == "on top of":
        yield from _stacked(draws, wish, moving)
    motions = [GENTLE[1:] if index == moving else GENTLE[:1] for index in range(2)]
    both = looks(draws, wish, motions)
    while True:
        (x, z), (other_x, other_z) = _related(draws, name, both)
        first = gentle(draws, both[0], x, z, wish.duration)
        second = gentle(draws, both[1], other_x, other_z, wish.duration)
        yield Scene(objects=(first, second), relation=name)


def driven(draws: SeededDraws, wish: Wish) -> Iterator[Scene]:
    """Yield scenes in which a player moves the object or the camera."""
    target = draws.choose(TARGETS) if wish.motion in (None, "stays still") else "camera"
    (look,) = looks(draws, wish, (GENTLE[:1] if target == "object" else ON_THE_SPOT,))
    while True:
        thing = _placed(draws, look, wish.duration)
        told = _commands(draws, math.ceil(wish.duration * COMMAND_RATE))
        speed = min(1.2, 1.8 / wish.duration)
        yield Scene(objects=(thing,), actions=Actions(target, told, COMMAND_RATE, speed))


def loop(draws: SeededDraws, wish: Wish) -> Iterator[Scene]:
    """Yield scenes whose only object is in the same state after the duration as before it."""
    (look,) = looks(draws, wish, (PERIODIC,))
    while True:
        thing = _placed(draws, look, wish.duration)
        if look.motion == "bounces":
            pace = max(1, round(wish.duration / BOUNCE_PERIOD)) / wish.duration
        else:
            turn = 2 * math.pi / wish.duration
            pace = turn * max(1, round(thing.speed / turn)) if thing.speed else 0.0
        yield Scene(objects=(replace(thing, speed=pace),))


def _may_follow(then: str, first: str, shape: str | None) -> bool:
    return then != first and not (shape == "cylinder" and {first, then} == {"rolls", "spins"})


def _placed(draws: SeededDraws, look: Look, duration: float) -> SceneObject:
    return look.at(**place(draws, look.motion, look.size, duration)._asdict())


def _in_half(draws: SeededDraws, look: Look, side: float, duration: float) -> SceneObject:
    """Return the object in the left (side -1) or right (1) half of the view, where it stays."""
    along, ahead, pace, reach = (draws.between(0.0, 1.0) for _ in range(4))
    depth, inner = 6.6 + 2.0 * ahead, look.wide + _AIR
    if look.motion in ("comes closer", "goes away"):
        near, speed = 5.8 + 0.6 * ahead, min(1.5 + 0.5 * pace, 3.5 / duration)
        start = near if look.motion == "goes away" else near + speed * duration
        return look.at(side * (inner + along * (look.room(near) - inner)), start, speed=speed)
    free = look.room(depth) - inner
    if look.motion in TRAVELS[:2] or look.motion == "rolls":
        rolling = 1.0 if reach < 0.5 else -1.0
        heading, _ = HEADINGS.get(look.motion, (rolling, 0.0))
        way = min((1.0 + 0.5 * pace) * duration, free)
        start = side * (inner + way / 2 + along * (free - way)) - heading * way / 2
        return look.at(start, depth, speed=way / duration, heading=rolling)
    if look.motion == "circles":
        radius = min(0.75 + 0.25 * reach, (look.room(depth - 0.7) - inner) / 2)
        return look.at(side * (inner + radius), depth, speed=2.6 + 1.2 * pace, reach=radius)
    speed = 2.4 + 1.6 * pace if look.motion == "spins" else 0.0
    high = 0.8 + 0.3 * reach
    return look.at(side * (inner + along * free), depth, speed=speed, reach=high)


def _pace(draws: SeededDraws, motion: str, part: float) -> float:
    """Draw a speed that shows the motion within `part` seconds and keeps the object in view."""
    pace = draws.between(0.0, 1.0)
    if motion in ("stays still", "bounces"):
        return 0.0
    if motion in ("spins", "circles"):
        return 2.6 + 1.2 * pace
    return min(1.3 + 0.5 * pace, (1.0 + 0.5 * pace) / part)


def gentle(draws: SeededDraws, look: Look, x: float, z: float, duration: float) -> SceneObject:
    """Return the object around a place, which it stays close to."""
    pace = draws.between(0.0, 1.0)
    if look.motion == "spins":
        return look.at(x, z, speed=2.4 + 1.6 * pace)
    if look.motion == "bounces":
        return look.at(x, z, reach=0.4 + 0.3 * pace)
    if look.motion in HEADINGS:
        way = min((0.3 + 0.2 * pace) * duration, 0.5)
        inside = max(look.room(z) - way / 2, 0.0)
        middle = min(max(x, -inside), inside)
        return look.at(middle - HEADINGS[look.motion][0] * way / 2, z, speed=way / duration)
    return look.at(x, z)


def _related(
    draws: SeededDraws, name: str, both: Sequence[Look]
) -> tuple[tuple[float, float], ...]:
    """Draw places of two objects: the first left or right of, behind or in front of the other."""
    reach, gap = both[0].wide + both[1].wide, draws.between(0.15, 0.7)
    if name in ("left of", "right of"):
        depth, apart = draws.between(7.0, 8.4), reach + gap
        outside = [look.room(depth - 0.3) for look in both]
        if name == "left of":
            outside.reverse()
        start = draws.between(-outside[1], max(outside[0] - apart, -outside[1]))
        left = (start, depth + draws.between(-0.3, 0.3))
        right = (start + apart, depth + draws.between(-0.3, 0.3))
        return (left, right) if name == "left of" else (right, left)
    first, second = (1, 0) if name == "behind" else (0, 1)
    near = draws.between(5.6, 6.4)
    far = near + reach + gap
    slopes = both[first].wide / near + draws.between(0.5, 1.5) * both[second].wide / far
    share, side = draws.between(0.4, 0.6), math.copysign(1.0, draws.between(-1.0, 1.0))
    places = (side * share * slopes * near, near), (-side * (1 - share) * slopes * far, far)
    return places[::-1] if name == "behind" else places


def _stacked(draws: SeededDraws, wish: Wish, moving: int) -> Iterator[Scene]:
    """Yield scenes of one object on the flat top of another one, which may carry it along."""
    below_motions = ("moves left", "moves right", "spins") if moving == 1 else GENTLE[:1]
    rider, below = looks(draws, wish, (GENTLE[:1], below_motions))
    below = below._replace(shape=draws.choose(FLAT_TOPS))
    top = 2 * HALF_HEIGHT[below.shape] * below.size
    peak = top + 2 * HALF_HEIGHT[rider.shape] * rider.size
    while True:
        nearest = max(5.8, depth_to_see(peak) + 0.6 * below.size)
        depth = nearest + draws.between(0.0, 1.0)
        side = draws.between(-1.0, 1.0) * min(rider.room(depth), below.room(depth))
        carrier = gentle(draws, below, side, depth, wish.duration)
        things = (gentle(draws, rider, side, depth, wish.duration), carrier)
        yield Scene(objects=(replace(things[0], y=top), carrier), relation="on top of")


def _commands(draws: SeededDraws, count: int) -> tuple[str, ...]:
    """Draw a few commands, each held for a while."""
    told: list[str] = []
    runs = int(draws.between(2, 5))
    for left in range(runs, 0, -1):
        command = draws.choose([name for name in COMMANDS if name not in told[-1:]])
        share = (count - len(told)) / left
        held = share if left == 1 else share * draws.between(0.7, 1.3)
        told += [command] * max(round(held), 1)
    return tuple(told[:count])
