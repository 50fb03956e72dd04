"""UniPC: a multistep predictor whose corrector reuses the next step's evaluation."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

from .denoiser import Denoiser
from .stepping import Callback, Step, half_log_snr, move, plan_flow_steps, predict, report

Variant = Literal["bh1", "bh2"]


class _Past(NamedTuple):
    log_snr: float
    denoised: Tensor


def sample_unipc(
    denoiser: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    extra_args: Mapping[str, Any] | None = None,
    callback: Callback | None = None,
    disable: bool | None = None,
    *,
    order: int = 2,
    variant: Variant = "bh2",
) -> Tensor:
    """Solve with UniPC on the flow path, n evaluations; arguments as for every solver.

    Conventions of diffusers' UniPCMultistepScheduler (predict_x0, flow_prediction, final sigma
    zero): the order grows from 1 over the first steps and falls to 1 over the last ones of a
    schedule that ends in 0, and the corrector runs after every step but the last.
    Source: Zhao et al., "UniPC", 2023.

    Args:
        order: 1 to 3.
        variant: the paper's B(h): "bh1" is h, "bh2" is expm1(h) and the one for few steps. A
            first step from sigma 1 is long in h, where "bh1" overshoots.

    Raises:
        ValueError: for an unknown order or variant, or a schedule that is no flow schedule.
    """
    if order not in (1, 2, 3) or variant not in ("bh1", "bh2"):
        raise ValueError(f'UniPC of order {order}, {variant!r}: use 1 to 3 and "bh1" or "bh2"')
    steps = plan_flow_steps(sigmas)
    past: list[_Past] = []  # newest first
    start = x
    for step in steps:
        denoised = predict(denoiser, x, step.sigma, extra_args)
        if past:
            x = _advance(start, steps[step.number - 1], past, variant, denoised)
        report(callback, x, step, denoised)
        past.insert(0, _Past(half_log_snr(step.sigma), denoised))
        past = past[: _usable_order(steps, step, order)]
        start, x = x, _advance(x, step, past, variant)
    return x


def _usable_order(steps: Sequence[Step], step: Step, order: int) -> int:
    ends_clean = steps[-1].next_sigma == 0
    return min(order, len(steps) - step.number) if ends_clean else order


def _advance(
    x: Tensor, step: Step, past: Sequence[_Past], variant: Variant, ahead: Tensor | None = None
) -> Tensor:
    """Move ``x`` over the step; with ``ahead``, the prediction at its end, as the corrector."""
    newest = past[0]
    moved = move(x, newest.denoised, step)
    gain = half_log_snr(step.next_sigma) - newest.log_snr
    ratios = [(old.log_snr - newest.log_snr) / gain for old in past[1:]]
    slopes = [
        (old.denoised - newest.denoised) / ratio
        for old, ratio in zip(past[1:], ratios, strict=True)
    ]
    if ahead is not None:
        ratios.append(1.0)
        slopes.append(ahead - newest.denoised)
    if not slopes:
        return moved
    reach = 1 - step.remaining if variant == "bh2" else (1 - step.next_sigma) * gain
    for weight, slope in zip(_weights(ratios, gain, variant), slopes, strict=True):
        moved = moved + reach * weight * slope
    return moved


def _weights(ratios: Sequence[float], gain: float, variant: Variant) -> list[float]:
    """Solve for the weights of the slopes (eq. 9 and 10 of the paper); a single one is 1/2."""
    if len(ratios) == 1:
        return [0.5]
    scale = -gain if variant == "bh1" else math.expm1(-gain)
    phi = math.expm1(-gain) / -gain - 1
    rows, sides, factorial = [], [], 1
    for power in range(len(ratios)):
        rows.append([ratio**power for ratio in ratios])
        sides.append(phi * factorial / scale)
        factorial *= power + 2
        phi = phi / -gain - 1 / factorial
    matrix = torch.tensor(rows, dtype=torch.float64)
    return torch.linalg.solve(matrix, torch.tensor(sides, dtype=torch.float64)).tolist()
