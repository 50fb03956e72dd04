"""All measures of a video over time: its joins, drift, motion, and whether it closes.

F frames, H rows, W columns.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ...media.plot import PlotStyle, Series, line_plot
from .joins import METERS, TIME_FACTOR, Join, JoinScore, given_frames, judge_joins
from .signals import LEVELS, Signals, read_signals
from .stability import (
    MOST_DRIFT,
    Closure,
    Drift,
    Motion,
    quiet_pixels,
    read_closure,
    read_drift,
    read_motion,
)

_WIDTH, _HEIGHT, _ZOOM = 480, 200, 2


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How a video was assembled.

    Args:
        joins: where given and generated parts meet, in order.
        loop: whether the first frame follows the last one.
        factor: frames that share a latent frame, 1 for none.
    """

    joins: tuple[Join, ...] = ()
    loop: bool = False
    factor: int = TIME_FACTOR


@dataclass(frozen=True, eq=False)
class Continuity:
    """Measures of a video over time.

    Args:
        signals: its changes, frame by frame.
        colours: change of red, green and blue since the first frame in parts that do not move,
            (F, 3) in 1/255.
        closure: closure of a loop; None for other videos.
        most_drift: largest drift that passes, in 1/255; 0 for any.
    """

    signals: Signals
    colours: Tensor
    joins: list[JoinScore]
    drift: Drift
    motion: Motion
    closure: Closure | None
    most_drift: float = MOST_DRIFT

    @property
    def passed(self) -> bool:
        """Whether no join shows, nothing drifts and a loop closes."""
        closes = self.closure is None or self.closure.wrap.passed
        return closes and self.is_steady and all(join.passed for join in self.joins)

    @property
    def is_steady(self) -> bool:
        """Whether parts that do not move keep their appearance."""
        return not self.most_drift or self.drift.worst <= self.most_drift

    def as_dict(self, fps: float) -> dict[str, Any]:
        """Rounded values for JSON."""
        return {
            "passed": self.passed,
            "joins": [{"second": round(join.frame / fps, 3), **_told(join)} for join in self.joins],
            "left out": list(self._left_out()),
            "loop": self._loop(),
            "drift": {
                "passed": self.is_steady,
                "most": self.most_drift,
                "worst": round(self.drift.worst, 3),
                "of what does not move": _rounded(self.drift.quiet),
                "of the whole picture": round(self.drift.whole, 3),
            },
            "motion": {
                "frozen seconds": round(self.motion.frozen / fps, 3),
                **_rounded(self.motion._asdict()),
            },
        }

    def _loop(self) -> dict[str, Any] | None:
        if self.closure is None:
            return None
        ratios = {
            "wrap by inner step": round(self.closure.step, 3),
            "wrap by inner second difference": round(self.closure.second_difference, 3),
        }
        return {**_told(self.closure.wrap), **ratios}

    def _left_out(self) -> tuple[str, ...]:
        """Meters that could not judge any join."""
        judged = [*self.joins, *([self.closure.wrap] if self.closure else [])]
        return tuple(m for m in METERS if judged and not any(m in j.deviations for j in judged))


def measure_continuity(
    video: Tensor,
    layout: Layout,
    *,
    place: Tensor | None = None,
    most_drift: float = MOST_DRIFT,
) -> Continuity:
    """Measure a video (F, H, W, 3) of display colours in [0, 1].

    Args:
        place: place of a followed object, (F, 2) in pixels; None leaves out the meters of
            position and velocity.
        most_drift: largest drift that passes, in 1/255; 0 for any.

    Raises:
        ValueError: the video has another shape or fewer than three frames, there is not one place
            per frame, or the joins do not fit.
    """
    signals = read_signals(video, place=place, loop=layout.loop)
    given = given_frames(layout.joins, len(video))
    frames, factor = [join.frame for join in layout.joins], layout.factor
    return Continuity(
        signals,
        _colours(video),
        judge_joins(signals, frames, given, factor=factor),
        read_drift(video),
        read_motion(video, signals),
        read_closure(signals, factor=factor) if layout.loop else None,
        most_drift,
    )


def continuity_plot(found: Continuity) -> Tensor:
    """Plot steps, steps of moving parts, and drift over the frames: an image (H, W, 3)."""
    frames = range(len(found.colours))
    panels: dict[str, dict[str, Tensor]] = {
        "change of brightness, 1/255": {"mean step of luma": found.signals.step},
        "change of what moves, 1/255": {
            "step of the 5 % that move most": found.signals.moving_step
        },
        "drift of what does not move, 1/255": {
            name: found.colours[:, channel]
            for channel, name in ((2, "blue"), (0, "red"), (1, "green"))
        },
    }
    joins = tuple(join.frame for join in found.joins)
    drawn = [
        line_plot(
            {name: Series(frames, values.tolist()) for name, values in panel.items()},
            PlotStyle(
                title=title, x_label="frame", rules=joins, width=_WIDTH, height=_HEIGHT, zoom=_ZOOM
            ),
        )
        for title, panel in panels.items()
    ]
    return torch.cat(drawn)


def _colours(video: Tensor) -> Tensor:
    """Differences of colour (F, 3) from the first frame, in parts that do not move."""
    quiet = quiet_pixels(video)
    first = video[0][quiet].float()  # (P, 3)
    changes = [(frame[quiet].float() - first).median(dim=0).values for frame in video]
    return LEVELS * torch.stack(changes)


def _told(join: JoinScore) -> dict[str, Any]:
    return {
        "frame": join.frame,
        "passed": join.passed,
        "failed": list(join.failed),
        "deviations": _rounded(join.deviations),
    }


def _rounded(values: Mapping[str, float]) -> dict[str, float | None]:
    """Round to three decimals; None where an object was lost, since JSON has no NaN or infinity."""
    return {
        name: round(value, 3) if math.isfinite(value) else None for name, value in values.items()
    }
