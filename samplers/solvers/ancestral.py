"""Euler's method with fresh noise: step below the next level, then noise up to it."""

import math
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from ..checkpoint import Checkpoint, begin, note
from ..denoiser import Denoiser
from ..noise.steps import StepNoise, noise_for
from ..process import NoiseProcess
from ..stepping import Callback, Step, move, plan_falling_steps, predict, report


def sample_euler_ancestral(
    denoiser: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    extra_args: Mapping[str, Any] | None = None,
    callback: Callback | None = None,
    disable: bool | None = None,
    *,
    eta: float = 1.0,
    process: NoiseProcess = NoiseProcess.FLOW,
    noise: StepNoise | None = None,
    checkpoint: Checkpoint | None = None,
) -> Tensor:
    """Solve with ancestral Euler steps, n evaluations; arguments as for every solver.

    A step from a to b moves deterministically to a level d <= b, then adds noise to return to b,
    see ``renoise``. For flow, d = b (1 + (b/a - 1) eta) as in ComfyUI; for VE,
    d^2 = b^2 - eta^2 b^2 (a^2 - b^2) / a^2 as in k-diffusion. At eta 1, both are d = b^2 / a.

    Args:
        eta: 0 is ``sample_euler``, 1 adds as much noise as the ancestral step of DDPM.
        process, noise, checkpoint: as for every solver.

    Raises:
        ValueError: ``eta`` is outside [0, 1], or the schedule does not decrease.
    """
    if not 0 <= eta <= 1:
        raise ValueError(f"eta {eta} is not in [0, 1]: 0 adds no noise, 1 is fully ancestral")
    fresh = noise_for(x, noise, extra_args)
    x, _, steps = begin(x, plan_falling_steps(sigmas, process), checkpoint)
    for step in steps:
        denoised = predict(denoiser, x, step.sigma, extra_args)
        report(callback, x, step, denoised)
        down = step._replace(next_sigma=_level_below(step, eta, process))
        x = move(x, denoised, down)
        if down.next_sigma < step.next_sigma:
            x = renoise(x, fresh(step.number), down.next_sigma, step.next_sigma, process)
        note(checkpoint, step, x)
    return x


def renoise(x: Tensor, noise: Tensor, low: float, high: float, process: NoiseProcess) -> Tensor:
    """Add noise to a state at level ``low`` to bring it to level ``high``.

    With c = signal_high / signal_low: c x + sqrt(high^2 - c^2 low^2) z.

    Args:
        x: state at ``low``.
        noise: standard normal, shaped like ``x``.
        low, high: noise levels, low <= high; with low 0, a clean sample is noised.
        process: how states mix signal and noise.
    """
    keep = process.signal(high) / process.signal(low)
    return keep * x + math.sqrt(max(high**2 - (keep * low) ** 2, 0.0)) * noise


def _level_below(step: Step, eta: float, process: NoiseProcess) -> float:
    if process is NoiseProcess.FLOW:
        return step.next_sigma * (1 + (step.remaining - 1) * eta)
    return step.next_sigma * math.sqrt(1 - eta**2 * (1 - step.remaining**2))
