"""Slow changes over a video, and the closing of a loop: drift, flicker, motion, the wrap.

F frames, H rows, W columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from .joins import TIME_FACTOR, JoinScore, judge_joins
from .signals import LEVELS, Signals, luma_of

MOST_DRIFT = 2.0
"""Largest drift of parts that do not move, in 1/255."""

_END = 0.15
_FROZEN, _LIVELY = 0.4, 0.75
_LAPLACIAN = ((0.0, -0.25, 0.0), (-0.25, 1.0, -0.25), (0.0, -0.25, 0.0))


class Drift(NamedTuple):
    """Differences between the last 15 % of the frames and the first 15 %, in 1/255.

    Attributes:
        quiet: differences by name, in the half of the pixels that changes least: mean and standard
            deviation of red, green and blue, saturation, and sharpness.
        whole: largest difference of a mean colour over the whole image, including objects.
    """

    quiet: Mapping[str, float]
    whole: float

    @property
    def worst(self) -> float:
        """The largest drift of parts that do not move."""
        return max(map(abs, self.quiet.values()))

    @property
    def passed(self) -> bool:
        """Whether that is at most `MOST_DRIFT`."""
        return self.worst <= MOST_DRIFT


class Motion(NamedTuple):
    """Amount of motion.

    Attributes:
        amount: median change of the most moving parts between two frames, in 1/255.
        end_to_start: steps in the last 15 % of the frames divided by those in the first 15 %.
        frozen: longest run of frames in which moving parts change by less than 40 % of their
            upper quartile.
        flicker: median change between two frames in parts that do not move, in 1/255.
    """

    amount: float
    end_to_start: float
    frozen: int
    flicker: float


@dataclass(frozen=True)
class Closure:
    """How a loop closes.

    Args:
        step: step from the last frame to the first, divided by the median step into a frame of its
            phase.
        second_difference: the larger second difference around these two frames, divided by the
            median of its phase.
        wrap: how the wrap differs from all other steps, scored as a join.
    """

    step: float
    second_difference: float
    wrap: JoinScore


def quiet_pixels(video: Tensor) -> Tensor:
    """The half (H, W) bool of the pixels of a video (F, H, W, 3) that differs least at its ends."""
    early, late = (luma_of(part.mean(dim=0)) for part in _ends(video))
    moved = late - early
    away = (moved - moved.median()).abs()
    return away <= away.median()


def read_drift(video: Tensor) -> Drift:
    """Compare the ends of a video (F, H, W, 3) of display colours in [0, 1]."""
    quiet = quiet_pixels(video)
    early, late = (_appearance(part, quiet) for part in _ends(video))
    first, last = (part.mean(dim=(0, 1, 2)) for part in _ends(video))
    changes = {name: LEVELS * (late[name] - early[name]) for name in early}
    return Drift(changes, LEVELS * float((last - first).abs().max()))


def _ends(video: Tensor) -> tuple[Tensor, Tensor]:
    count = max(1, round(_END * len(video)))
    return video[:count].float(), video[-count:].float()


def read_motion(video: Tensor, signals: Signals) -> Motion:
    """Measure the motion of a video (F, H, W, 3), given its signals."""
    steps, moving = signals.step[1:], signals.moving_step[1:]
    periods = max(1, round(_END * len(steps) / TIME_FACTOR))
    early, late = steps[: periods * TIME_FACTOR], steps[-periods * TIME_FACTOR :]
    return Motion(
        amount=float(moving.median()),
        end_to_start=float(late.mean() / early.mean().clamp(min=1e-6)),
        frozen=_longest_run(moving < _FROZEN * moving.quantile(_LIVELY)),
        flicker=_flicker(video),
    )


def read_closure(signals: Signals, *, factor: int = TIME_FACTOR) -> Closure:
    """Measure how a loop closes, from signals of a loop (`read_signals(..., loop=True)`).

    Every latent frame of a loop stands for `factor` frames, so the wrap has the phase of a first
    frame.

    Raises:
        ValueError: the signals are not those of a loop.
    """
    if not signals.step[0].isfinite():
        raise ValueError("these signals are not those of a loop: read them with loop=True")
    turned = _turned(signals)
    none_given = torch.zeros(len(signals.step), dtype=torch.bool)
    (wrap,) = judge_joins(turned, [1], none_given, factor=factor)
    steps, bends = signals.step, signals.second_difference
    return Closure(
        step=_by_median(steps, 0, factor),
        second_difference=max(_by_median(bends, frame, factor) for frame in (-1, 0)),
        wrap=wrap,
    )


def _turned(signals: Signals) -> Signals:
    """Rotate the signals by one, so that the wrap lies before the second frame."""
    place = signals.place
    return Signals(
        step=signals.step.roll(1),
        second_difference=signals.second_difference.roll(1),
        moving_step=signals.moving_step.roll(1),
        correlation=signals.correlation.roll(1),
        place=None if place is None else place.roll(1, 0),
    )


def _by_median(values: Tensor, frame: int, factor: int) -> float:
    """Value of a frame of a loop divided by the median of the other frames of its phase."""
    count = len(values)
    frame %= count
    others = torch.arange(frame % factor, count, factor)
    return float(values[frame] / values[others[others != frame]].median().clamp(min=1e-6))


def _appearance(frames: Tensor, quiet: Tensor) -> dict[str, float]:
    """Statistics of some pixels (H, W) bool of frames (F, H, W, 3)."""
    pixels = frames.mean(dim=0)[quiet]  # (P, 3)
    found = {
        f"{statistic} of {colour}": float(value)
        for statistic, values in (("mean", pixels.mean(dim=0)), ("deviation", pixels.std(dim=0)))
        for colour, value in zip(("red", "green", "blue"), values, strict=True)
    }
    found["saturation"] = float((pixels.amax(dim=1) - pixels.amin(dim=1)).mean())
    detail = torch.stack([_detail(frame)[quiet].mean() for frame in frames])
    found["sharpness"] = float(detail.mean())
    return found


def _detail(frame: Tensor) -> Tensor:
    """Absolute difference of each pixel's luma from its neighbours', in a frame (H, W, 3)."""
    padded = functional.pad(luma_of(frame)[None, None], (1, 1, 1, 1), mode="replicate")
    return functional.conv2d(padded, padded.new_tensor(_LAPLACIAN)[None, None])[0, 0].abs()


def _flicker(video: Tensor) -> float:
    """Median over frames of the mean step in the half of the pixels that changes least."""
    total = torch.zeros_like(luma_of(video[0]))
    for change in _changes(video):
        total += change
    quiet = total <= total.median()
    return LEVELS * float(torch.stack([each[quiet].mean() for each in _changes(video)]).median())


def _changes(video: Tensor) -> Iterator[Tensor]:
    """Yield the change of each pixel (H, W) into each frame except the first."""
    for before, after in pairwise(video):
        yield (luma_of(after) - luma_of(before)).abs()


def _longest_run(there: Tensor) -> int:
    longest = run = 0
    for each in there.tolist():
        run = run + 1 if each else 0
        longest = max(longest, run)
    return longest
