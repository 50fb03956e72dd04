"""UniPC: a multistep predictor whose corrector reuses the next step's evaluation."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import torch
from torch import Tensor

from ..checkpoint import Checkpoint, begin, note
from ..denoiser import Denoiser
from ..process import NoiseProcess
from ..stepping import Callback, Step, move, plan_falling_steps, predict, report

Variant = Literal["bh1", "bh2"]


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
    process: NoiseProcess = NoiseProcess.FLOW,
    checkpoint: Checkpoint | None = None,
    lower_order_final: bool | None = None,
) -> Tensor:
    """Solve with UniPC, n evaluations; arguments as for every solver.

    Follows the conventions of diffusers' UniPCMultistepScheduler (predict_x0, final sigma zero):
    the order grows from 1 over the first steps and falls to 1 over the last steps of a schedule
    that ends in 0, and the corrector runs after every step but the last.
    Source: Zhao et al., "UniPC", 2023.

    Args:
        order: 1 to 3.
        variant: the paper's B(h): "bh1" is h, "bh2" is expm1(h). Use "bh2" for few steps: a first
            step from sigma 1 is long in h, where "bh1" overshoots.
        lower_order_final: whether the order falls over the last steps; None lowers it if the
            schedule ends in 0.

    Raises:
        ValueError: the order or variant is unknown, or the schedule does not decrease.
    """
    if order not in (1, 2, 3) or variant not in ("bh1", "bh2"):
        raise ValueError(f'UniPC of order {order}, {variant!r}: use 1 to 3 and "bh1" or "bh2"')
    plan = plan_falling_steps(sigmas, process)
    x, history, steps = begin(x, plan, checkpoint)
    if lower_order_final is None:
        lower_order_final = bool(plan) and plan[-1].next_sigma == 0
    start, *past = history or (x,)  # the state before the last step; predictions, newest first
    for step in steps:
        denoised = predict(denoiser, x, step.sigma, extra_args)
        if past:
            done = plan[: step.number]
            x = _advance(start, done, past, variant=variant, process=process, ahead=denoised)
        report(callback, x, step, denoised)
        past = [denoised, *past][
            : min(order, len(plan) - step.number) if lower_order_final else order
        ]
        start, x = x, _advance(x, plan[: step.number + 1], past, variant=variant, process=process)
        note(checkpoint, step, x, (start, *past))
    return x


def _advance(
    x: Tensor,
    steps: Sequence[Step],
    past: Sequence[Tensor],
    *,
    variant: Variant,
    process: NoiseProcess,
    ahead: Tensor | None = None,
) -> Tensor:
    """Move ``x`` over the last of ``steps``; with ``ahead``, the prediction at its end, correct it.

    ``past`` holds the predictions at the starts of the last steps, newest first.
    """
    step, newest = steps[-1], past[0]
    moved = move(x, newest, step)
    here = process.half_log_snr(step.sigma)
    gain = process.half_log_snr(step.next_sigma) - here
    levels = [each.sigma for each in reversed(steps[:-1])][: len(past) - 1]
    ratios = [(process.half_log_snr(level) - here) / gain for level in levels]
    slopes = [(old - newest) / ratio for old, ratio in zip(past[1:], ratios, strict=True)]
    if ahead is not None:
        ratios.append(1.0)
        slopes.append(ahead - newest)
    if not slopes:
        return moved
    reach = 1 - step.remaining if variant == "bh2" else process.signal(step.next_sigma) * gain
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
