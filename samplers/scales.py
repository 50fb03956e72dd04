"""Guidance scales that change over the run or over the frames."""

from itertools import pairwise

from torch import Tensor

from .guidance import Scale
from .regions import LATENT, Regions


def at(scale: Scale, x: Tensor, sigma: float) -> Tensor | float:
    """Evaluate a scale for a state at a noise level."""
    return scale if isinstance(scale, int | float) else scale(x, sigma)


def within(scale: Scale, low: float, high: float) -> Scale:
    """Guide at noise levels from ``low`` to ``high`` only; outside, one evaluation is saved.

    Source: Kynkaanniemi et al., "Applying Guidance in a Limited Interval Improves Sample and
    Distribution Quality in Diffusion Models", 2024.
    """
    return lambda x, sigma: at(scale, x, sigma) if low <= sigma <= high else 1.0


def over_steps(start: float, end: float, sigmas: Tensor) -> Scale:
    """Let the scale go evenly from ``start`` at the first step to ``end`` at the last.

    Between the levels of two steps it is linear in the noise level.

    Args:
        start, end: scales.
        sigmas: (n + 1,) levels of the run.
    """

    def scale(x: Tensor, sigma: float) -> float:
        return start + (end - start) * progress(sigmas, sigma)

    return scale


def over_frames(
    first: float, last: Scale, regions: Regions = LATENT, *, both_ends: bool = False
) -> Scale:
    """Let the scale go evenly from ``first`` in the first frame to ``last`` in the last.

    Frames near a given first frame need less guidance. Source: Blattmann et al., "Stable Video
    Diffusion", 2023.

    Args:
        first, last: scales.
        regions: which values belong to which frame.
        both_ends: go back to ``first`` from the middle on, for clips whose last frame is given too.
    """

    def scale(x: Tensor, sigma: float) -> Tensor:
        place = regions.position(x)
        share = 1 - (2 * place - 1).abs() if both_ends else place
        return first + (at(last, x, sigma) - first) * share.to(x.dtype)

    return scale


def progress(sigmas: Tensor, sigma: float) -> float:
    """Return the share of a schedule's steps before a noise level: 0 at the first, 1 at the last.

    Args:
        sigmas: (n + 1,) falling levels; the final one is the end of the last step.
        sigma: a level; between those of two steps the share is linear in it.
    """
    levels = sigmas[:-1].tolist()
    for number, (high, low) in enumerate(pairwise(levels)):
        if sigma >= low:
            return (number + max(high - sigma, 0.0) / (high - low)) / (len(levels) - 1)
    return float(len(levels) > 1)
