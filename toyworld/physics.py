"""The states of all objects of a scene over time: their motions, and the effects of collisions."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import combinations
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from .actions import Order, orders
from .motion import (
    Leg,
    extent,
    first_leg,
    first_rotation,
    half_height,
    leg_of,
    lowest,
    rolling_radius,
)
from .scene import Scene, SceneObject

TOUCH = 0.02
"""Distance in units within which objects count as touching."""

_SLOWEST = 1e-9  # closing speeds below this count as rest
_NEAREST = 1e-12  # gaps below this count as none
_STRIDE = 1e-4  # seconds: smallest step of the search for a meeting on a curve


class States(NamedTuple):
    """The states of a scene's O objects at F moments; all 0 for an object while it is absent.

    Attributes:
        centre: (F, O, 3) in units.
        rotation: (F, O, 3, 3) from the object's frame to the world.
        velocity: (F, O, 3) in units per second.
        contacts: (F, O, O + 1) bool, whether it touches each object and, last, the floor.
    """

    centre: Tensor
    rotation: Tensor
    velocity: Tensor
    contacts: Tensor


class Collision(NamedTuple):
    """Two objects of a scene that meet at a time in seconds."""

    time: float
    first: int
    second: int


class _Apart(NamedTuple):
    """The gap between two discs; position and velocity of the second relative to the first."""

    gap: float
    x: float
    z: float
    velocity_x: float
    velocity_z: float


class _Part(NamedTuple):
    """The state of one object at F moments."""

    centre: np.ndarray  # (F, 3)
    rotation: np.ndarray  # (F, 3, 3)
    velocity: np.ndarray  # (F, 3)
    spin: np.ndarray  # (F,) about the vertical


class _Body:
    """An object in motion: the legs of its path so far and its orders still to come."""

    def __init__(self, thing: SceneObject, to_come: list[Order]) -> None:
        self.thing, self.motion, self.to_come = thing, thing.motion, to_come
        self.radius, self.mass = extent(thing), thing.size**3
        self.appears = thing.appears
        self.end = math.inf if thing.vanishes is None else thing.vanishes
        self.legs = [first_leg(thing)]

    @property
    def leg(self) -> Leg:
        return self.legs[-1]

    @property
    def next_order(self) -> float:
        return self.to_come[0].start if self.to_come else math.inf

    def obey(self) -> None:
        """Start the next order."""
        start, self.motion, speed = self.to_come.pop(0)
        self.legs.append(leg_of(self.thing, self.motion, speed, start, self.leg.place(start)))

    def bump(self, time: float, velocity: tuple[float, float]) -> None:
        """Continue in a straight line with a new velocity (x and z)."""
        x, z = self.leg.place(time)
        roll = velocity[0] / rolling_radius(self.thing) if self.motion == "rolls" else 0.0
        leg = Leg(time, x, z, velocity[0], velocity[1], 0.0, 0.0, 0.0, self.leg.spin, roll)
        self.legs.append(leg)

    def legs_at(self, seconds: np.ndarray) -> Leg:
        """Return the leg at each moment, as one `Leg` of arrays."""
        return Leg(*np.array(self.legs)[self._numbers(seconds)].T)

    def rotations_at(self, seconds: np.ndarray) -> np.ndarray:
        """Return the rotation (F, 3, 3) at each moment."""
        ends = np.array([leg.start for leg in self.legs[1:]])
        done = Leg(*np.array(self.legs[:-1]).reshape(-1, len(self.leg)).T)
        starts = [first_rotation(self.thing)]
        for turned in done.rotation(ends):
            starts.append(turned @ starts[-1])
        begun = np.array(starts)[self._numbers(seconds)]
        return self.legs_at(seconds).rotation(seconds) @ begun

    def _numbers(self, seconds: np.ndarray) -> np.ndarray:
        return np.searchsorted([leg.start for leg in self.legs[1:]], seconds, side="right")


def simulate(scene: Scene, seconds: Tensor) -> States:
    """Return the state of the scene at each of `seconds` (F,), in that tensor's dtype.

    Positions are exact functions of time, computed in float64. Contacts are events at their exact
    times, so no moment depends on which other moments are requested. On the floor, objects are
    discs with their half width as radius and a mass of size**3 that collide without friction. An
    object that has been hit continues in a straight line until its next motion or command begins.
    """
    times = seconds.detach().cpu().numpy().astype(np.float64)
    bodies, _ = _run(scene, float(times.max(initial=0.0)))
    parts = [_state(body, times) for body in bodies]
    if scene.relation == "on top of":
        parts[0] = _carried(parts[0], parts[1], bodies[1])
    together = [torch.from_numpy(np.stack(part, axis=1)) for part in zip(*parts, strict=True)]
    contacts = torch.from_numpy(_contacts(bodies, together[0].numpy())).to(seconds.device)
    centre, rotation, velocity, _ = (part.to(seconds) for part in together)
    return _without_absent(scene, States(centre, rotation, velocity, contacts), seconds)


def is_there(thing: SceneObject, seconds: Tensor) -> Tensor:
    """Return whether the object is present at each of `seconds` (F,)."""
    there = seconds >= thing.appears
    return there if thing.vanishes is None else there & (seconds < thing.vanishes)


def collisions(scene: Scene, duration: float) -> list[Collision]:
    """Return the collisions within `duration` seconds, in chronological order."""
    return _run(scene, duration)[1]


def floor_paths(scene: Scene, seconds: np.ndarray) -> np.ndarray:
    """Return x and z (2, O, F) of every object at each of `seconds` (F,), in float64."""
    bodies, _ = _run(scene, float(seconds.max()))
    paths = np.stack([body.legs_at(seconds).place(seconds) for body in bodies], axis=1)
    if scene.relation == "on top of":
        start = np.array(bodies[1].legs[0].place(0.0))
        paths[:, 0] += paths[:, 1] - start[:, None]
    return paths


def _run(scene: Scene, until: float) -> tuple[list[_Body], list[Collision]]:
    bodies = [_Body(thing, orders(scene, index)) for index, thing in enumerate(scene.objects)]
    pairs = list(_colliding(scene))
    now, met = 0.0, []
    while True:
        due = min(body.next_order for body in bodies)
        horizon = min(due, until)
        meetings = (Collision(_meeting(bodies[i], bodies[j], now, horizon), i, j) for i, j in pairs)
        soonest = min(meetings, default=Collision(math.inf, 0, 0))
        now = min(soonest.time, due)
        if now > until:
            return bodies, met
        if soonest.time < due:
            _collide(bodies[soonest.first], bodies[soonest.second], now, scene.restitution)
            met.append(soonest)
        else:
            next(body for body in bodies if body.next_order == due).obey()


def _colliding(scene: Scene) -> Iterator[tuple[int, int]]:
    """Yield the pairs of objects that stand on the floor or fall to it."""
    things = enumerate(scene.objects)
    return combinations([i for i, thing in things if thing.y == 0 or thing.motion == "falls"], 2)


def _meeting(first: _Body, second: _Body, now: float, horizon: float) -> float:
    """Return when two bodies, both present, next meet; infinite if not until `horizon`."""
    now, horizon = max(now, first.appears, second.appears), min(horizon, first.end, second.end)
    if now > horizon:
        return math.inf
    if any(body.leg.radius * body.leg.turning for body in (first, second)):
        time = _meeting_on_curves(first, second, now, horizon)
    else:
        time = _meeting_on_lines(first, second, now)
    return time if time <= horizon else math.inf


def _meeting_on_lines(first: _Body, second: _Body, now: float) -> float:
    gap, x, z, closing_x, closing_z = _apart(first, second, now)
    reach = first.radius + second.radius
    product, square = x * closing_x + z * closing_z, closing_x**2 + closing_z**2
    if product >= -_SLOWEST * reach:
        return math.inf
    if gap <= _NEAREST:
        return now
    left = gap * (gap + 2 * reach)
    inside = product * product - square * left
    return math.inf if inside < 0 else now + left / (math.sqrt(inside) - product)


def _meeting_on_curves(first: _Body, second: _Body, now: float, horizon: float) -> float:
    """Find a meeting by steps that the top speeds make safe, then bisect the last step."""
    reach, fastest = first.radius + second.radius, _top_speed(first) + _top_speed(second)
    before = now
    while before <= horizon:
        gap, x, z, closing_x, closing_z = _apart(first, second, before)
        if gap <= _NEAREST and x * closing_x + z * closing_z < -_SLOWEST * reach:
            return before
        time = before + max(abs(gap) / fastest, _STRIDE)
        if gap > 0 and _apart(first, second, time).gap < 0:
            return _halved(first, second, before, time)
        before = time
    return math.inf


def _halved(first: _Body, second: _Body, apart: float, overlapping: float) -> float:
    while True:
        middle = (apart + overlapping) / 2
        if not apart < middle < overlapping:
            return apart
        if _apart(first, second, middle).gap < 0:
            overlapping = middle
        else:
            apart = middle


def _top_speed(body: _Body) -> float:
    leg = body.leg
    return math.hypot(leg.velocity_x, leg.velocity_z) + abs(leg.radius * leg.turning)


def _apart(first: _Body, second: _Body, time: float) -> _Apart:
    (x, z), (other_x, other_z) = first.leg.place(time), second.leg.place(time)
    away_x, away_z = other_x - x, other_z - z
    (x, z), (other_x, other_z) = first.leg.velocity(time), second.leg.velocity(time)
    gap = math.hypot(away_x, away_z) - first.radius - second.radius
    return _Apart(gap, away_x, away_z, other_x - x, other_z - z)


def _collide(first: _Body, second: _Body, time: float, restitution: float) -> None:
    """Exchange momentum along the line of centres, as in a collision without friction."""
    found = _apart(first, second, time)
    distance = math.hypot(found.x, found.z)
    normal_x, normal_z = found.x / distance, found.z / distance
    closing = found.velocity_x * normal_x + found.velocity_z * normal_z
    reduced = first.mass * second.mass / (first.mass + second.mass)
    push = (1 + restitution) * reduced * closing
    for body, share in ((first, push / first.mass), (second, -push / second.mass)):
        x, z = body.leg.velocity(time)
        body.bump(time, (x + share * normal_x, z + share * normal_z))


def _state(body: _Body, seconds: np.ndarray) -> _Part:
    leg, rotation = body.legs_at(seconds), body.rotations_at(seconds)
    (x, z), (velocity_x, velocity_z) = leg.place(seconds), leg.velocity(seconds)
    low, rise = lowest(body.thing, seconds)
    centre = np.stack((x, low + half_height(body.thing), z), axis=-1)
    return _Part(centre, rotation, np.stack((velocity_x, rise, velocity_z), axis=-1), leg.spin)


def _carried(rider: _Part, carrier: _Part, below: _Body) -> _Part:
    """Add the carrier's motion since time 0 to the rider's own motion on top of it."""
    start = _state(below, np.zeros(1))
    turned = carrier.rotation @ start.rotation[0].T
    offset = np.einsum("fij,fj->fi", turned, rider.centre - start.centre)
    swept = carrier.spin[:, None] * offset[:, ::-1] * (1.0, 0.0, -1.0)
    velocity = carrier.velocity + swept + np.einsum("fij,fj->fi", turned, rider.velocity)
    spin = rider.spin + carrier.spin
    return _Part(carrier.centre + offset, turned @ rider.rotation, velocity, spin)


def _without_absent(scene: Scene, states: States, seconds: Tensor) -> States:
    """Return the states, set to 0 for every object while it is absent."""
    if all(thing.appears == 0 and thing.vanishes is None for thing in scene.objects):
        return states
    there = torch.stack([is_there(thing, seconds) for thing in scene.objects], dim=1)  # (F, O)
    touching = torch.cat((there, torch.ones_like(there[:, :1])), dim=1)
    return States(
        states.centre * there[..., None],
        states.rotation * there[..., None, None],
        states.velocity * there[..., None],
        states.contacts & there[..., None] & touching[:, None],
    )


def _contacts(bodies: list[_Body], centre: np.ndarray) -> np.ndarray:
    frames, count = centre.shape[:2]
    contacts = np.zeros((frames, count, count + 1), dtype=bool)
    tall = np.array([half_height(body.thing) for body in bodies])
    contacts[..., -1] = centre[..., 1] - tall <= TOUCH
    for i, j in combinations(range(count), 2):
        away = centre[:, j] - centre[:, i]
        beside = np.hypot(away[:, 0], away[:, 2]) - bodies[i].radius - bodies[j].radius
        above = np.abs(away[:, 1]) - tall[i] - tall[j]
        contacts[:, i, j] = contacts[:, j, i] = (beside <= TOUCH) & (above <= TOUCH)
    return contacts
