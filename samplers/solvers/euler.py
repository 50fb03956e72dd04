"""Euler's and Heun's method."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from ..checkpoint import Checkpoint, begin, note
from ..denoiser import Denoiser
from ..stepping import Callback, move, plan_steps, predict, report


def sample_euler(
    denoiser: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    extra_args: Mapping[str, Any] | None = None,
    callback: Callback | None = None,
    disable: bool | None = None,
    *,
    checkpoint: Checkpoint | None = None,
) -> Tensor:
    """Solve dx/ds = (x - D) / s with Euler's method: order 1, n evaluations."""
    x, _, steps = begin(x, plan_steps(sigmas), checkpoint)
    for step in steps:
        denoised = predict(denoiser, x, step.sigma, extra_args)
        report(callback, x, step, denoised)
        x = move(x, denoised, step)
        note(checkpoint, step, x)
    return x


def sample_heun(
    denoiser: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    extra_args: Mapping[str, Any] | None = None,
    callback: Callback | None = None,
    disable: bool | None = None,
    *,
    checkpoint: Checkpoint | None = None,
) -> Tensor:
    """Solve with Heun's method: order 2, two evaluations per step but one in a step to 0.

    Source: Karras et al., "Elucidating the Design Space of Diffusion-Based Generative Models",
    2022, algorithm 1.
    """
    x, _, steps = begin(x, plan_steps(sigmas), checkpoint)
    for step in steps:
        denoised = predict(denoiser, x, step.sigma, extra_args)
        report(callback, x, step, denoised)
        ahead = move(x, denoised, step)
        if step.next_sigma > 0:
            slope = (x - denoised) / step.sigma
            slope_ahead = ahead - predict(denoiser, ahead, step.next_sigma, extra_args)
            slope_ahead = slope_ahead / step.next_sigma
            ahead = x + (step.next_sigma - step.sigma) / 2 * (slope + slope_ahead)
        x = ahead
        note(checkpoint, step, x)
    return x
