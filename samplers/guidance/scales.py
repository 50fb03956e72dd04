"""Guidance scales that change over the run or over the frames."""

from torch import Tensor

from ..runs import Evaluation
from .cfg import Scale


def value_of(scale: Scale, x: Tensor, at: Evaluation) -> Tensor | float:
    """Evaluate a scale for a state."""
    return scale if isinstance(scale, int | float) else scale(x, at)


def within(scale: Scale, low: float, high: float) -> Scale:
    """Guide only at noise levels from ``low`` to ``high``; outside, this saves one evaluation.

    Source: Kynkaanniemi et al., "Applying Guidance in a Limited Interval Improves Sample and
    Distribution Quality in Diffusion Models", 2024.
    """
    return lambda x, at: value_of(scale, x, at) if low <= at.level <= high else 1.0


def over_steps(start: float, end: float) -> Scale:
    """Interpolate the scale linearly from ``start`` at the first step to ``end`` at the last.

    Between the levels of two steps it is linear in the noise level.
    """
    return lambda x, at: start + (end - start) * at.progress


def over_frames(first: float, last: Scale, *, both_ends: bool = False) -> Scale:
    """Interpolate the scale linearly from ``first`` in the first frame to ``last`` in the last.

    Frames near a given first frame need less guidance. Source: Blattmann et al., "Stable Video
    Diffusion", 2023.

    Args:
        first, last: scales of the first and last frame.
        both_ends: reach ``last`` in the middle and return to ``first``, for clips whose last frame
            is given too.
    """

    def scale(x: Tensor, at: Evaluation) -> Tensor:
        place = at.regions.position(x)
        share = 1 - (2 * place - 1).abs() if both_ends else place
        return first + (value_of(last, x, at) - first) * share.to(x.dtype)

    return scale
