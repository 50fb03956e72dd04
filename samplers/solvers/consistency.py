"""Multistep consistency sampling (LCM, TCD) for models distilled for it."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ..checkpoint import Checkpoint, begin, note
from ..denoiser import Denoiser
from ..noise.steps import StepNoise, noise_for
from ..process import NoiseProcess
from ..schedules.table import NoiseTable
from ..stepping import Callback, move, plan_falling_steps, predict, report
from .ancestral import renoise


def sample_lcm(
    denoiser: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    extra_args: Mapping[str, Any] | None = None,
    callback: Callback | None = None,
    disable: bool | None = None,
    *,
    eta: float = 1.0,
    table: NoiseTable | None = None,
    process: NoiseProcess = NoiseProcess.FLOW,
    noise: StepNoise | None = None,
    checkpoint: Checkpoint | None = None,
) -> Tensor:
    """Jump to the clean sample and noise it to the next level, n evaluations.

    ``denoiser`` must be a consistency function: from any state on a trajectory it predicts the
    trajectory's end point, not the mean of possible end points. A model that is not distilled gives
    blurred, too uniform videos. With eta below 1 (TCD's gamma), the jump ends at level
    s = (1 - eta) b and less noise is added to return to b: 0 is Euler's method, 1 is LCM. For a
    model with numbered timesteps, s is the level of timestep (1 - eta) t_b.
    Sources: Luo et al., "Latent Consistency Models", 2023; Zheng et al., "Trajectory Consistency
    Distillation", 2024.

    Args:
        eta: share of fresh noise, in [0, 1].
        table: timestep levels of an eps or v model, as used in TCD's training.
        process, noise, checkpoint: as for every solver.

    Raises:
        ValueError: ``eta`` is outside [0, 1], or the schedule does not decrease.
    """
    if not 0 <= eta <= 1:
        raise ValueError(f"eta {eta} is not in [0, 1]: 1 is LCM, 0 is Euler's method")
    fresh = noise_for(x, noise, extra_args)
    x, _, steps = begin(x, plan_falling_steps(sigmas, process), checkpoint)
    for step in steps:
        denoised = predict(denoiser, x, step.sigma, extra_args)
        report(callback, x, step, denoised)
        landing = step._replace(next_sigma=_landing(step.next_sigma, eta, table))
        x = move(x, denoised, landing)
        if landing.next_sigma < step.next_sigma:
            x = renoise(x, fresh(step.number), landing.next_sigma, step.next_sigma, process)
        note(checkpoint, step, x)
    return x


def _landing(sigma: float, eta: float, table: NoiseTable | None) -> float:
    if table is None or sigma == 0 or eta in (0, 1):
        return (1 - eta) * sigma
    timestep = table.timestep(torch.tensor(sigma)).item()
    return table.sigma(int((1 - eta) * round(timestep)))
