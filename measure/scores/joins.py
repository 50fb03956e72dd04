"""Test whether generated parts join given ones without a seam.

Each change at a join is compared with those within the given parts, in standard deviations. The
generated part is left out of the comparison, since a bad one would widen the range that passes. A
VAE decodes the frames of one latent frame differently from each other, so changes are also
compared with those of the same phase.

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
"""Standard deviations within which a join must be by every meter to pass."""

TIME_FACTOR = 4
METERS = (
    "step",
    "second difference",
    "step in phase",
    "second difference in phase",
    "moving step",
    "correlation",
    "position",
    "velocity",
)
_NEAREST = 32
_NEIGHBOURS = 4


_STEP, _CORRELATION, _POSITION, _VELOCITY = 0.5, 0.07, 0.5, 0.3
"""The smallest spread of each: in 1/255 (steps) and pixels (position, velocity)."""

_MOVING, _STILL = 0.1, 1.0
"""The smallest spread of the logarithm of a moving step, and in 1/255 where little moves."""


class Join(NamedTuple):
    """Where a given and a generated part meet: between frames ``frame - 1`` and ``frame``."""

    frame: int
    given_before: bool = True


@dataclass(frozen=True)
class JoinScore:
    """How a join differs from the given parts.

    Args:
        frame: the first frame after the join.
        deviations: in standard deviations by meter, in the order of `METERS`; meters that could
            not be applied are left out.
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
    """Return which of `count` frames are given, (F,) bool, from the given sides of the joins.

    Raises:
        ValueError: the joins do not rise from 1 to `count` - 1, or one of two consecutive joins
            marks the part between them as given and the other as generated.
    """
    _check_frames([join.frame for join in joins], count)
    for early, late in pairwise(joins):
        if early.given_before == late.given_before:
            raise ValueError(
                f"the part from frame {early.frame} to {late.frame - 1} is marked as both given "
                "and generated: given and generated parts must alternate"
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
) -> list[JoinScore]:
    """Compare every join with the given parts.

    If no two consecutive frames are given, as when an image is animated, a join is compared with
    the rest of the generated part.

    Args:
        made: signals of the result.
        joins: the first frame after each join, in rising order.
        given: which frames are given, (F,) bool.
        reference: signals of the given parts in the same places, for example those of the whole
            true video after a round trip through the VAE; None for those of the result.
        factor: frames per latent frame, after which phases repeat; 1 for none.

    Raises:
        ValueError: the joins do not rise within the video, or `given` has another length.
    """
    count = len(made.step)
    _check_frames(joins, count)
    if given.shape != (count,):
        raise ValueError(f"{given.numel()} marks of given frames for {count} frames: use one each")
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
            factor,
        )
        for number, join in enumerate(joins)
    ]


def _check_frames(joins: Sequence[int], count: int) -> None:
    if any(late <= early for early, late in pairwise([0, *joins, count])):
        raise ValueError(
            f"joins at the frames {', '.join(map(str, joins))} of {count}: name the first frame "
            f"after each join, in rising order, from 1 to {count - 1}"
        )


class _Part(NamedTuple):
    """A join, and the frames around it from `start` to before `end` that contain no other join."""

    join: int
    start: int
    end: int


class _Reference(NamedTuple):
    """The data that a join is compared with: numbers of frames, and their signals.

    Attributes:
        steps: frames that a change leads into.
        around: frames with a change on both sides.
    """

    signals: Signals
    steps: Tensor
    around: Tensor


def _reference(signals: Signals, steps: Tensor, join: int) -> _Reference:
    """The changes (F,) bool that are nearest to a join."""
    around = torch.cat([steps[:-1] & steps[1:], steps.new_zeros(1)])
    return _Reference(signals, _nearest(steps, join), _nearest(around, join))


def _nearest(there: Tensor, join: int) -> Tensor:
    frames = there.nonzero()[:, 0]
    return frames[(frames - join).abs().argsort(stable=True)[:_NEAREST]].sort().values


def _judged(made: Signals, part: _Part, reference: _Reference, factor: int) -> JoinScore:
    join = part.join
    changes = _Changes(made.step, reference.signals.step, reference.steps)
    moving = _Changes(made.moving_step, reference.signals.moving_step, reference.steps).logarithms()
    bends = _Changes(made.second_difference, reference.signals.second_difference, reference.around)
    turns = _Changes(made.correlation, reference.signals.correlation, reference.around)
    position, velocity = _tracked(made, part, reference)
    found = {
        "step": changes.deviation(join, _STEP),
        "second difference": _worst(bends.deviation(each, _STEP) for each in (join - 1, join)),
        "step in phase": changes.in_phase(join, factor, _STEP),
        "second difference in phase": _worst(
            bends.in_phase(each, factor, _STEP) for each in (join - 1, join)
        ),
        "moving step": moving.in_phase(join, factor, max(_MOVING, _STILL / moving.typical())),
        "correlation": _worst(turns.deviation(each, _CORRELATION) for each in (join - 1, join)),
        "position": position,
        "velocity": velocity,
    }
    return JoinScore(join, {name: value for name, value in found.items() if value is not None})


class _Changes(NamedTuple):
    """A signal (F,) of the result, that of the given parts, and the frames of the latter to use."""

    made: Tensor
    given: Tensor
    frames: Tensor

    def logarithms(self) -> _Changes:
        made, given = (values.clamp(min=1e-3).log() for values in (self.made, self.given))
        return _Changes(made, given, self.frames)

    def typical(self) -> float:
        """The mean of logarithms, as a plain number."""
        return math.exp(float(self.given[self.frames].mean())) if len(self.frames) else 1.0

    def deviation(self, frame: int, floor: float) -> float | None:
        """How far a frame is from the given ones, in standard deviations of such values."""
        return _deviation(self.made[frame], self.given[self.frames], floor)

    def in_phase(self, frame: int, factor: int, floor: float) -> float | None:
        """The same relative to given frames of its phase; the spread comes from all phases."""
        usual, phases = self.given[self.frames], self.frames % factor
        known, own = phases.unique(), frame % factor
        if own not in known or self.made[frame].isnan():
            return None
        means = torch.stack([usual[phases == each].mean() for each in known])
        rest = usual - means[torch.searchsorted(known, phases)]
        return float((self.made[frame] - means[known == own][0]) / _spread(rest, len(known), floor))


def _tracked(
    made: Signals, part: _Part, reference: _Reference
) -> tuple[float | None, float | None]:
    """Deviations of an object's step and of its velocity across the join, on the worse axis."""
    if made.place is None or reference.signals.place is None:
        return None, None
    usual = _velocities(reference.signals.place)[reference.steps]  # (N, 2)
    usual = usual[usual.isfinite().all(dim=1)]
    if not len(usual):
        return None, None
    velocity, join = _velocities(made.place), part.join
    before = velocity[max(join - _NEIGHBOURS, part.start + 1) : join]
    after = velocity[join + 1 : min(join + 1 + _NEIGHBOURS, part.end)]
    spread = _spread(usual - usual.mean(dim=0), 1, _VELOCITY)
    turn = (after.nanmean(dim=0) - before.nanmean(dim=0)) / spread
    step = velocity[join] if velocity[join].isfinite().all() else torch.full((2,), math.inf)
    position = _worst(_deviation(step[axis], usual[:, axis], _POSITION) for axis in range(2))
    if not (len(before) and len(after)):
        return position, None
    return position, _worst(_or_infinite(each) for each in turn)


def _velocities(place: Tensor) -> Tensor:
    """Steps (F, 2) of places (F, 2), in pixels."""
    return torch.cat([place.new_full((1, 2), math.nan), place.diff(dim=0)])


def _deviation(value: Tensor, usual: Tensor, floor: float) -> float | None:
    """How far a value is from usual ones (N,), in standard deviations of such values."""
    if not len(usual) or value.isnan():
        return None
    return float((value - usual.mean()) / _spread(usual - usual.mean(), 1, floor))


def _spread(rest: Tensor, means: int, floor: float) -> Tensor:
    """Standard deviation of a further value, from residuals (N, ...) of others after `means`."""
    count = len(rest)
    spread = (rest.square().sum(dim=0) / max(count - means, 1)).sqrt()
    return (spread * math.sqrt(1 + means / count)).clamp(min=floor)


def _or_infinite(value: Tensor) -> float:
    return float(value) if value.isfinite() else math.inf


def _worst(deviations: Iterable[float | None]) -> float | None:
    told = [value for value in deviations if value is not None]
    return max(told, key=abs, default=None)
