"""Other spacings of noise levels: exponential, Karras, beta, linear-quadratic, listed.

All return (steps + 1,) float32, decreasing from the largest level to exactly 0.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor

from .beta import beta_quantile
from .flow import check_steps, shift_sigmas


def exponential_sigmas(steps: int, *, sigma_min: float, sigma_max: float) -> Tensor:
    """Space the levels evenly in ln sigma from ``sigma_max`` to ``sigma_min``, then 0.

    Raises:
        ValueError: a number is out of range.
    """
    return karras_sigmas(steps, sigma_min=sigma_min, sigma_max=sigma_max, rho=float("inf"))


def karras_sigmas(steps: int, *, sigma_min: float, sigma_max: float, rho: float = 7.0) -> Tensor:
    """Space the levels evenly in sigma^(1/rho) from ``sigma_max`` to ``sigma_min``, then 0.

    For eps, v and EDM models; for a flow model, too few of these steps lie near pure noise.
    Source: Karras et al., "Elucidating the Design Space of Diffusion-Based Generative Models",
    2022, eq. 5. An infinite ``rho`` is exponential spacing.

    Raises:
        ValueError: a number is out of range.
    """
    check_steps(steps)
    if not (0 < sigma_min <= sigma_max and rho > 0):
        raise ValueError(
            f"levels from {sigma_max} to {sigma_min} with rho {rho}: use "
            "0 < sigma_min <= sigma_max and rho above 0"
        )
    high, low = torch.tensor([sigma_max, sigma_min], dtype=torch.float64)
    even = torch.linspace(0, 1, steps, dtype=torch.float64)
    if rho == float("inf"):
        levels = (high.log() + even * (low.log() - high.log())).exp()
    else:
        levels = (high ** (1 / rho) + even * (low ** (1 / rho) - high ** (1 / rho))) ** rho
    levels[:1] = high
    return _finish(levels)


def beta_sigmas(steps: int, *, shift: float = 1.0, a: float = 0.6, b: float = 0.6) -> Tensor:
    """Space a flow model's levels by the quantiles of a beta distribution, then shift.

    With both shape parameters below 1, the steps are dense at both ends.
    Source: Lee et al., "Beta Sampling is All You Need", 2024.

    Raises:
        ValueError: a number is out of range.
    """
    check_steps(steps)
    places = [beta_quantile(1 - step / steps, a, b) for step in range(steps)]
    return _finish(shift_sigmas(torch.tensor(places, dtype=torch.float64), shift))


def linear_quadratic_sigmas(
    steps: int, *, threshold: float = 0.025, linear_steps: int | None = None
) -> Tensor:
    """Remove a little noise in even steps, then more in steps that grow quadratically.

    The signal share 1 - s grows linearly to ``threshold`` over the first ``linear_steps`` (half of
    the steps by default), then along a parabola that joins smoothly and ends at 1.
    Source: Mochi 1 (Genmo, 2024); LTX-Video from 0.9.5 on.

    Raises:
        ValueError: a number is out of range.
    """
    check_steps(steps)
    linear = steps // 2 if linear_steps is None else linear_steps
    if not (0 < threshold < 1 and 0 <= linear < steps):
        raise ValueError(
            f"threshold {threshold} and {linear} linear of {steps} steps: the threshold must lie "
            "between 0 and 1, and at least one step must not be linear"
        )
    number = torch.arange(steps, dtype=torch.float64)
    slope = threshold / linear if linear else 0.0
    start = threshold if linear else 0.0
    rest = steps - linear
    bend = (1 - start - slope * rest) / rest**2
    beyond = (number - linear).clamp(min=0)
    return _finish(1 - slope * number - bend * beyond**2)


def listed_sigmas(levels: Sequence[float]) -> Tensor:
    """Use the listed levels, adding the final 0 if it is missing.

    Raises:
        ValueError: the levels do not decrease, are not above 0 or not finite, or there are none.
    """
    numbers = [float(level) for level in levels]
    if numbers and numbers[-1] == 0:
        numbers.pop()
    falling = all(a > b for a, b in pairwise([*numbers, 0.0]))
    if not (numbers and falling and math.isfinite(numbers[0])):
        raise ValueError(
            f"levels {list(levels)}: list decreasing numbers above 0, such as 1, 0.8, 0.4"
        )
    return _finish(torch.tensor(numbers, dtype=torch.float64))


def _finish(levels: Tensor) -> Tensor:
    return torch.cat([levels, levels.new_zeros(1)]).float()
