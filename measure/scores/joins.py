"""Whether what was made joins what was given without a seam.

Each change at a join is compared with those within the given parts, in standard deviations. The
made part is left out of the comparison, since a bad one would widen what passes; and a VAE decodes
the frames of a latent frame unlike each other, so changes are compared once more with those of
the same phase.

F frames.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor

from .signals import Signals

LIMIT = 3.0
"""Standard deviations within which a join passes, by every meter."""

TIME_FACTOR = 4
METERS = (
    "step",
    "second difference",
    "step in phase",
    "moving step",
    "moving step in phase",
    "correlation",
    "position",
    "velocity",
)
TRACKED = METERS[-2:]
"""Those that need an object to follow."""

_NEAREST = 32
_NEIGHBOURS = 4


class _Floor(NamedTuple):
    """The least spread: a number, and a share of the mean."""

    absolute: float
    relative: float = 0.0

    def of(self, mean: Tensor) -> float:
        return max(self.absolute, self.relative * abs(float(mean)))


_STEP, _MOVING, _CORRELATION = _Floor(0.5), _Floor(1.5, 0.07), _Floor(0.07)
_POSITION, _VELOCITY = _Floor(0.5), _Floor(0.3)


class Join(NamedTuple):
    """Where a given and a made part meet: between the frames ``frame - 1`` and ``frame``."""

    frame: int
    given_before: bool = True


@dataclass(frozen=True)
class JoinScore:
    """How a join differs from the given parts.

    Args:
        frame: the first one after the join.
        deviations: in standard deviations by meter, in the order of `METERS`; those that could
            not be told are left out.
    """

    frame: int
    deviations: Mapping[str, float]

    @property
    def passed(self) -> bool:
        """Whether every meter passes."""
        return not self.failed

    @property
    def failed(self) -> tuple[str, ...]:
        """The meters that do not pass."""
        return tuple(name for name, value in self.deviations.items() if not abs(value) <= LIMIT)


def given_frames(joins: Sequence[Join], count: int) -> Tensor:
    """Which of `count` frames are given (F,) bool, by which sides of the joins are.

    Raises:
        ValueError: the joins do not rise from 1 to `count` - 1, or a part between two of them is
            said to be given by one and made by the other.
    """
    _check_frames([join.frame for join in joins], count)
    for early, late in pairwise(joins):
        if early.given_before == late.given_before:
            raise ValueError(
                f"the part from frame {early.frame} to {late.frame - 1} is said to be both given "
                "and made: given and made parts have to alternate"
            )
    given = torch.full((count,), bool(joins and joins[0].given_before))
    for join in joins:
        given[join.frame :] = not join.given_before
    return given


def judge_joins(
    made: Signals,
    joins: Sequence[int],
    given: Tensor,
    reference: Signals | None = None,
    *,
    factor: int = TIME_FACTOR,
    first: int = 0,
) -> list[JoinScore]:
    """Compare every join with the given parts.

    Where no two given frames follow one another, as when an image is animated, a join is compared
    with the rest of the made part.

    Args:
        made: signals of the result.
        joins: the first frame after each, rising.
        given: which frames are given (F,) bool.
        reference: signals of the given parts in the same places, such as of the whole true video
            after a round trip through the VAE; None for those of the result.
        factor: frames that share a latent frame, 1 for none.
        first: a frame that has a latent frame of its own: phases count from it.

    Raises:
        ValueError: the joins do not rise within the video, or `given` has another length.
    """
    count = len(made.step)
    _check_frames(joins, count)
    if given.shape != (count,):
        raise ValueError(f"{given.numel()} marks of given frames for {count} frames: give one each")
    inner = given[1:] & given[:-1]
    reference = made if reference is None else reference
    if not inner.any():
        inner, reference = torch.ones(count - 1, dtype=torch.bool), made
    steps = torch.cat([torch.zeros(1, dtype=torch.bool), inner])
    steps[list(joins)] = False
    ends = [0, *joins, count]
    return [
        _judged(
            made,
            _Part(join, ends[number], ends[number + 2]),
            _reference(reference, steps, join),
            _Phase(factor, first),
        )
        for number, join in enumerate(joins)
    ]


def _check_frames(joins: Sequence[int], count: int) -> None:
    if any(late <= early for early, late in pairwise([0, *joins, count])):
        raise ValueError(
            f"joins at the frames {', '.join(map(str, joins))} of {count}: name the first frame "
            f"after each, rising, from 1 to {count - 1}"
        )


class _Part(NamedTuple):
    """A join, and the frames from `start` to before `end` that hold no other one."""

    join: int
    start: int
    end: int


class _Phase(NamedTuple):
    factor: int
    first: int

    def of(self, frame: Tensor | int) -> Tensor:
        return torch.as_tensor(frame - self.first) % self.factor


class _Reference(NamedTuple):
    """What a join is compared with: the numbers of the frames, and their signals.

    Attributes:
        steps: frames that changes lead into.
        around: frames with a change on both sides.
    """

    signals: Signals
    steps: Tensor
    around: Tensor


def _reference(signals: Signals, steps: Tensor, join: int) -> _Reference:
    """The changes (F,) bool that are the nearest to a join."""
    around = torch.cat([steps[:-1] & steps[1:], steps.new_zeros(1)])
    return _Reference(signals, _nearest(steps, join), _nearest(around, join))


def _nearest(there: Tensor, join: int) -> Tensor:
    frames = there.nonzero()[:, 0]
    return frames[(frames - join).abs().argsort(stable=True)[:_NEAREST]].sort().values


def _judged(made: Signals, part: _Part, reference: _Reference, phase: _Phase) -> JoinScore:
    given, steps = reference.signals, reference.steps
    found: dict[str, float | None] = {}
    for name, own, other, floor in (
        ("step", made.step, given.step, _STEP),
        ("moving step", made.moving_step, given.moving_step, _MOVING),
    ):
        value = own[part.join]
        found[name] = _deviation(value, other[steps], floor)
        phases = phase.of(steps), phase.of(part.join)
        found[f"{name} in phase"] = _in_phase(value, other[steps], *phases, floor)
    for name, own, other, floor in (
        ("second difference", made.second_difference, given.second_difference, _STEP),
        ("correlation", made.correlation, given.correlation, _CORRELATION),
    ):
        values = own[part.join - 1 : part.join + 1]
        found[name] = _worst(
            _deviation(value, other[reference.around], floor)
            for value in values
            if value.isfinite()
        )
    found["position"], found["velocity"] = _tracked(made, part, reference)
    told = {name: found[name] for name in METERS}
    return JoinScore(part.join, {n: value for n, value in told.items() if value is not None})


def _tracked(
    made: Signals, part: _Part, reference: _Reference
) -> tuple[float | None, float | None]:
    """How the step of an object, and its velocity beyond that, differ; on the worse axis."""
    if made.place is None or reference.signals.place is None:
        return None, None
    usual = _velocities(reference.signals.place)[reference.steps]  # (N, 2)
    usual = usual[usual.isfinite().all(dim=1)]
    if not len(usual):
        return None, None
    velocity, join = _velocities(made.place), part.join
    before = velocity[max(join - _NEIGHBOURS, part.start + 1) : join]
    after = velocity[join + 1 : min(join + 1 + _NEIGHBOURS, part.end)]
    spread = _spread(usual - usual.mean(dim=0), 1, _VELOCITY.absolute)
    turn = (after.nanmean(dim=0) - before.nanmean(dim=0)) / spread
    position = _worst(
        _deviation(velocity[join, axis], usual[:, axis], _POSITION) for axis in range(2)
    )
    if not (len(before) and len(after)):
        return position, None
    return position, _worst(_or_infinite(each) for each in turn)


def _velocities(place: Tensor) -> Tensor:
    """Steps (F, 2) of places (F, 2), in pixels."""
    return torch.cat([place.new_full((1, 2), math.nan), place.diff(dim=0)])


def _deviation(value: Tensor, usual: Tensor, floor: _Floor) -> float | None:
    """How far a value is from usual ones (N,), in the spread with which such values come."""
    if not len(usual):
        return None
    mean = usual.mean()
    spread = _spread(usual - mean, 1, floor.of(mean))
    return _or_infinite((value - mean) / spread)


def _in_phase(
    value: Tensor, usual: Tensor, phases: Tensor, phase: Tensor, floor: _Floor
) -> float | None:
    """As `_deviation`, from those of one phase; how they spread is told by all of them."""
    known = phases.unique()
    if phase not in known:
        return None
    means = torch.stack([usual[phases == each].mean() for each in known])
    rest = usual - means[torch.searchsorted(known, phases)]
    mean = means[known == phase][0]
    return _or_infinite((value - mean) / _spread(rest, len(known), floor.of(mean)))


def _spread(rest: Tensor, means: int, floor: Tensor | float) -> Tensor:
    """Standard deviation of a further value, from what is left (N, ...) of others after `means`."""
    count = len(rest)
    spread = (rest.square().sum(dim=0) / max(count - means, 1)).sqrt()
    return (spread * math.sqrt(1 + means / count)).clamp(min=float(floor))


def _or_infinite(value: Tensor) -> float:
    return float(value) if value.isfinite() else math.inf


def _worst(deviations: Iterable[float | None]) -> float | None:
    told = [value for value in deviations if value is not None]
    return max(told, key=abs, default=None)
