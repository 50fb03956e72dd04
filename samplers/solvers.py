"""ODE solvers in the host's calling convention, pure functions of a denoiser and a schedule.

``sample_<name>(denoiser, x, sigmas, extra_args=None, callback=None, disable=None, **options)``

Args of every solver:
    denoiser: ``(x, sigma (B,), **extra_args) -> x0``, see ``Denoiser``.
    x: the state at noise level ``sigmas[0]``, any shape with the batch first: a latent
        (B, C, F, H, W) or tokens (B, L, D). It keeps its dtype.
    sigmas: (n + 1,) noise levels of n steps. When they end in 0 the result is exactly the last
        prediction of the denoiser; an empty or single-valued schedule returns ``x``.
    extra_args: keyword arguments for the denoiser.
    callback: called once per step, after its first evaluation, with ``x``, ``i``, ``sigma``,
        ``sigma_hat`` and ``denoised``; an exception that it raises ends the run.
    disable: accepted because the host passes it; solvers draw no progress bar.

All raise ``ValueError`` for a schedule that they cannot follow.
"""

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from .denoiser import Denoiser
from .stepping import (
    Callback,
    Step,
    half_log_snr,
    move,
    plan_flow_steps,
    plan_steps,
    predict,
    report,
)
from .unipc import sample_unipc


def sample_euler(
    denoiser: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    extra_args: Mapping[str, Any] | None = None,
    callback: Callback | None = None,
    disable: bool | None = None,
) -> Tensor:
    """Solve dx/ds = (x - D) / s with Euler's method: order 1, n evaluations."""
    for step in plan_steps(sigmas):
        denoised = predict(denoiser, x, step.sigma, extra_args)
        report(callback, x, step, denoised)
        x = move(x, denoised, step)
    return x


def sample_heun(
    denoiser: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    extra_args: Mapping[str, Any] | None = None,
    callback: Callback | None = None,
    disable: bool | None = None,
) -> Tensor:
    """Solve with Heun's method: order 2, two evaluations a step but one in a step to 0.

    Source: Karras et al., "Elucidating the Design Space of Diffusion-Based Generative Models",
    2022, algorithm 1.
    """
    for step in plan_steps(sigmas):
        denoised = predict(denoiser, x, step.sigma, extra_args)
        report(callback, x, step, denoised)
        ahead = move(x, denoised, step)
        if step.next_sigma > 0:
            slope = (x - denoised) / step.sigma
            slope_ahead = ahead - predict(denoiser, ahead, step.next_sigma, extra_args)
            slope_ahead = slope_ahead / step.next_sigma
            ahead = x + (step.next_sigma - step.sigma) / 2 * (slope + slope_ahead)
        x = ahead
    return x


def sample_dpmpp_2m(
    denoiser: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    extra_args: Mapping[str, Any] | None = None,
    callback: Callback | None = None,
    disable: bool | None = None,
) -> Tensor:
    """Solve with DPM-Solver++(2M) on the flow path: order 2, n evaluations.

    Conventions of diffusers' DPMSolverMultistepScheduler (dpmsolver++, midpoint, final sigma
    zero): lambda = ln((1 - s) / s), the first step and a step to 0 are of first order.
    Source: Lu et al., "DPM-Solver++", 2022, algorithm 2.
    """
    previous: tuple[Step, Tensor] | None = None
    for step in plan_flow_steps(sigmas):
        denoised = predict(denoiser, x, step.sigma, extra_args)
        report(callback, x, step, denoised)
        target = denoised
        if previous is not None and step.next_sigma > 0:
            before, denoised_before = previous
            ratio = _log_snr_gain(step) / _log_snr_gain(before)
            target = denoised + ratio / 2 * (denoised - denoised_before)
        x = move(x, target, step)
        previous = step, denoised
    return x


def _log_snr_gain(step: Step) -> float:
    return half_log_snr(step.next_sigma) - half_log_snr(step.sigma)


SOLVERS: Mapping[str, Callable[..., Tensor]] = {
    "euler": sample_euler,
    "heun": sample_heun,
    "dpmpp_2m": sample_dpmpp_2m,
    "unipc": sample_unipc,
}
