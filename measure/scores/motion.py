"""Name the motions of a toy-world object from its path and its rotation."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from einops import repeat
from torch import Tensor

from ...toyworld.motion import lowest
from ...toyworld.scene import SceneObject
from .sprites import LYING, TILTS, TURNS, half_height

FEWEST_FRAMES = 5

_NOISE = (0.035, 0.06, 0.12)
_GROUND_NOISE = (0.035, 0.06, 0.06)
CAMERA = 2.0
_TURN_WEIGHT = 2.5
_PLAIN_MISFIT = 0.15
_PER_PARAMETER = 1.5
_LEAP, _CIRCLE = 2, 4  # parameters of these motions
_PER_MOTION = 14.0
_LEAST_ASIDE, _LEAST_AHEAD, _LEAST_UP = 0.2, 0.45, 0.25
_LEAST_RADIUS, _MOST_RADIUS = 0.35, 1.6
_CIRCLES = (2.2, 2.6, 3.0, 3.4, 3.8, 4.4)
_SPINS = (2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0)
_PERIODS = (0.65, 0.8, 1.05)
_PHASES = 16
_HEIGHTS = 16
_FEWEST_IN_PART = 4
_RIDGE = 1e-4
_SLACK = 0.01  # more than rounding may change a cost


class Path(NamedTuple):
    """Path of an object, in units, at some moments (F,).

    Attributes:
        seconds: the moments.
        x, y, z: position to the right, height of its lowest point, distance ahead.
        turns: misfit (F, N) of every pose of its form.
        form: one of `sprites.FORMS`.
        size: size in units.
    """

    seconds: Tensor
    x: Tensor
    y: Tensor
    z: Tensor
    turns: Tensor
    form: str
    size: float


class Motions(NamedTuple):
    """An object's motion, and the motion that follows from `turn` seconds on, if any."""

    motion: str | None
    then: str | None = None
    turn: float | None = None


class _Account(NamedTuple):
    """A motion that may explain a path, and at what cost."""

    cost: float
    motion: str


class _Part(NamedTuple):
    """Some moments of a path: its position (3, F) divided by its noise, and misfits (K, F) of ways
    to turn. `ground` is `where` for an object that stands on the floor."""

    seconds: Tensor
    where: Tensor
    ground: Tensor
    fixed: Tensor
    spun: Tensor
    rolled: Tensor | None

    def cut(self, start: int, end: int) -> _Part:
        """Return the moments from `start` to before `end`."""
        rolled = None if self.rolled is None else self.rolled[..., start:end]
        kept = {name: getattr(self, name)[..., start:end] for name in self._fields[:-1]}
        return _Part(**kept, rolled=rolled)


def read_motions(path: Path) -> Motions:
    """Return the one or two motions that explain a path of at least `FEWEST_FRAMES` best."""
    where = torch.stack((path.x, path.y, path.z)) / torch.tensor(_NOISE)[:, None]
    above = CAMERA - half_height(path.form) * path.size
    z = path.z * (1 + above / (above - path.y.clamp(max=0.8 * above))) / 2
    ground = torch.stack((path.x * z / path.z, path.y, z)) / torch.tensor(_GROUND_NOISE)[:, None]
    rolled = _rolled(path) if path.form in ("sphere", LYING) else None
    part = _Part(path.seconds, where, ground, path.turns.T, _spun(path), rolled)
    cheapest = _cheapest(part)
    best, found = cheapest.cost, Motions(cheapest.motion)
    least, count = _least(part), len(path.seconds)
    turns = range(_FEWEST_IN_PART, count - _FEWEST_IN_PART + 1)
    for turn in sorted(turns, key=lambda turn: abs(turn - count / 2)):
        early, late = (float(costs[turn]) for costs in least)  # no motion costs less
        if early + late + _PER_MOTION >= best:
            continue
        before = _cheapest(part.cut(0, turn))
        if before.cost + late + _PER_MOTION >= best:
            continue
        after = _cheapest(part.cut(turn, count))
        cost = before.cost + after.cost + _PER_MOTION
        if (
            cost < best
            and before.motion != after.motion
            and "falls" not in (before.motion, after.motion)
        ):
            best = cost
            found = Motions(before.motion, after.motion, float(path.seconds[turn]))
    return found


def _least(part: _Part) -> tuple[Tensor, Tensor]:
    """Lower bounds (F,) of the cost of turning before each moment, and from it on."""
    ways = [misfits for misfits in (part.fixed, part.spun, part.rolled) if misfits is not None]
    moments = torch.arange(1, len(part.seconds) + 1)

    def until(misfits: Tensor) -> Tensor:
        lowest = (misfits.cumsum(dim=1) / moments).amin(dim=0)
        return _TURN_WEIGHT * moments * torch.log(lowest + _PLAIN_MISFIT) - _SLACK

    early = torch.stack([until(misfits) for misfits in ways]).amin(dim=0)
    late = torch.stack([until(misfits.flip(1)) for misfits in ways]).amin(dim=0).flip(0)
    return early.roll(1), late


def _cheapest(part: _Part) -> _Account:
    """The motion that best explains position and rotation; the simplest is tried first."""
    rest = part.ground - part.ground.mean(dim=1, keepdim=True)
    fixed, still = _turning_cost(part.fixed), _cost(rest)
    spun = _Account(still + _turning_cost(part.spun), "spins")
    best = min(_Account(still + fixed, "stays still"), spun, *_straight(part, rest, fixed))
    for curves, parameters in ((_leaping, _LEAP), (_circling, _CIRCLE)):
        if best.cost > fixed + parameters * _PER_PARAMETER:
            curved = (_Account(cost + fixed, motion) for motion, cost in curves(part))
            best = min([best, *curved])
    return best


def _cost(rest: Tensor, parameters: int = 0) -> float:
    """The cost of residuals of x, y and z (3, F), as a log likelihood."""
    count = rest.shape[1]
    return float(count * torch.log1p((rest * rest).sum() / count)) + parameters * _PER_PARAMETER


def _straight(part: _Part, rest: Tensor, fixed: float) -> Iterator[_Account]:
    time = part.seconds - part.seconds.mean()
    slope = (rest * time).sum(dim=1) / (time * time).sum().clamp(min=1e-6)
    lines = slope[:, None] * time
    aside, _, ahead = (slope * torch.tensor(_GROUND_NOISE) * (time[-1] - time[0])).tolist()
    if abs(aside) > _LEAST_ASIDE:
        cost = _cost(torch.stack((rest[0] - lines[0], rest[1], rest[2])), 1)
        yield _Account(cost + fixed, "moves right" if aside > 0 else "moves left")
        if part.rolled is not None:
            yield _Account(cost + _turning_cost(part.rolled), "rolls")
    if abs(ahead) > _LEAST_AHEAD:
        cost = _cost(torch.stack((rest[0], rest[1], rest[2] - lines[2])), 1)
        yield _Account(cost + fixed, "goes away" if ahead > 0 else "comes closer")


def _leaping(part: _Part) -> Iterator[tuple[str, float]]:
    rest = part.where - part.where.mean(dim=1, keepdim=True)
    for motion, curves in _leaps(tuple(part.seconds.tolist())):
        curves = curves - curves.mean(dim=1, keepdim=True)  # (K, F)
        high = (curves * rest[1]).sum(dim=1) / (curves * curves).sum(dim=1).clamp(min=1e-6)
        if motion == "falls":
            high = high.clamp(0.7 / _NOISE[1], 1.3 / _NOISE[1])
        fitted = high[:, None] * curves
        span = (fitted.amax(dim=1) - fitted.amin(dim=1)) * _NOISE[1]
        left = ((rest[1] - fitted) ** 2).sum(dim=1)
        left = left.masked_fill((span < _LEAST_UP) | (high <= 0), torch.inf)
        best = int(left.argmin())
        if left[best].isfinite():
            yield motion, _cost(torch.stack((rest[0], rest[1] - fitted[best], rest[2])), _LEAP)


@functools.lru_cache(maxsize=256)
def _leaps(seconds: tuple[float, ...]) -> list[tuple[str, Tensor]]:
    """Height curves of bounces one unit high (K, F), and of falls from several heights (K, F)."""
    times = torch.tensor(seconds, dtype=torch.float64).numpy()
    bounces = [
        SceneObject(
            shape="cube",
            colour="red",
            motion="bounces",
            speed=1 / period,
            reach=1.0,
            phase=k / _PHASES,
        )
        for period in _PERIODS
        for k in range(_PHASES)
    ]
    heights = torch.linspace(0.3, 2.4, _HEIGHTS).tolist()
    falls = [SceneObject(shape="cube", colour="red", motion="falls", y=y) for y in heights]
    return [
        (name, torch.stack([torch.from_numpy(lowest(thing, times)[0]).float() for thing in things]))
        for name, things in (("bounces", bounces), ("falls", falls))
    ]


def _circling(part: _Part) -> Iterator[tuple[str, float]]:
    rest = part.ground - part.ground.mean(dim=1, keepdim=True)
    rates = torch.tensor([sign * rate for rate in _CIRCLES for sign in (1, -1)])
    angle = rates[:, None] * part.seconds
    cos, sin = torch.cos(angle), torch.sin(angle)
    one, none = torch.ones_like(cos), torch.zeros_like(cos)
    aside = torch.stack((cos, -sin, one, none), dim=-1) / _GROUND_NOISE[0]
    ahead = torch.stack((sin, cos, none, one), dim=-1) / _GROUND_NOISE[2]
    rows = torch.cat((aside, ahead), dim=1)  # (K, 2 F, 4)
    seen = repeat(torch.cat((rest[0], rest[2])), "f -> k f 1", k=len(rates))
    solved = torch.linalg.solve(rows.mT @ rows + _RIDGE * torch.eye(4), rows.mT @ seen)
    left = (seen - rows @ solved)[..., 0]
    radius = solved[:, :2, 0].norm(dim=1)
    error = (left * left).sum(dim=1)
    error = error.masked_fill((radius < _LEAST_RADIUS) | (radius > _MOST_RADIUS), torch.inf)
    best = int(error.argmin())
    if error[best].isfinite():
        right, away = left[best].chunk(2)
        yield "circles", _cost(torch.stack((right, rest[1], away)), _CIRCLE)


def _turning_cost(misfits: Tensor) -> float:
    """The cost of the best of K ways to turn, from their misfits (K, F)."""
    mean = misfits.mean(dim=1).min()
    return float(_TURN_WEIGHT * misfits.shape[1] * torch.log(mean + _PLAIN_MISFIT))


def _spun(path: Path) -> Tensor:
    """Misfits (K, F) of turning about the vertical at several rates."""
    since = path.seconds - path.seconds[0]
    rates = torch.tensor([sign * rate for rate in _SPINS for sign in (1, -1)])
    steps = (rates[:, None] * since * TURNS / math.pi).round().long()  # (R, F)
    turn = (torch.arange(TURNS)[:, None, None] + steps) % TURNS  # (N, R, F)
    return path.turns[torch.arange(len(since)), turn].flatten(0, 1)


def _rolled(path: Path) -> Tensor:
    """Misfits (K, F) of rolling on the floor without slipping."""
    angle = (path.x - path.x[0]) / (half_height(path.form) * path.size)
    each, starts = torch.arange(len(angle)), torch.arange(TURNS)[:, None]
    if path.form == LYING:
        return path.turns[each, (starts - (angle * TURNS / math.pi).round().long()) % TURNS]
    tilts = torch.arange(TILTS)[:, None] + (angle * TILTS / math.pi).round().long()  # (T, F)
    over = (tilts // TILTS) % 2 == 1
    turn = torch.where(over[:, None], -starts, starts) % TURNS  # (T, N, F)
    return path.turns[each, (tilts % TILTS)[:, None] * TURNS + turn].flatten(0, 1)
