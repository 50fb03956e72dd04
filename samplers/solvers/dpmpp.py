"""DPM-Solver++(2M) and its stochastic form, which extrapolate predictions along the log-SNR."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from ..checkpoint import Checkpoint, begin, note
from ..denoiser import Denoiser
from ..noise.steps import StepNoise, noise_for
from ..process import NoiseProcess
from ..stepping import Callback, Step, move, plan_falling_steps, predict, report


def sample_dpmpp_2m(
    denoiser: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    extra_args: Mapping[str, Any] | None = None,
    callback: Callback | None = None,
    disable: bool | None = None,
    *,
    process: NoiseProcess = NoiseProcess.FLOW,
    checkpoint: Checkpoint | None = None,
) -> Tensor:
    """Solve with DPM-Solver++(2M): order 2, n evaluations; arguments as for every solver.

    Follows the conventions of diffusers' DPMSolverMultistepScheduler (dpmsolver++, midpoint, final
    sigma zero): lambda = ln(signal / sigma); the first step and a step to 0 are first-order.
    Source: Lu et al., "DPM-Solver++", 2022, algorithm 2.
    """
    plan = plan_falling_steps(sigmas, process)
    x, past, steps = begin(x, plan, checkpoint)
    for step in steps:
        denoised = predict(denoiser, x, step.sigma, extra_args)
        report(callback, x, step, denoised)
        x = move(x, _extrapolated(denoised, past, plan[: step.number + 1], process), step)
        past = (denoised,)
        note(checkpoint, step, x, past)
    return x


def sample_dpmpp_2m_sde(
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
    """Solve the reverse SDE with SDE-DPM-Solver++(2M): n evaluations, fresh noise in each step.

    With h the increase in lambda, D the extrapolated prediction and z the noise,
    x_b = (b/a) e^(-eta h) x + signal_b (1 - e^(-(1 + eta) h)) D + b sqrt(1 - e^(-2 eta h)) z.
    Follows the conventions of diffusers' sde-dpmsolver++ (midpoint) at eta 1; a step to 0 ends at
    D.
    Source: Lu et al., "DPM-Solver++", 2022, section 6.

    Args:
        eta: strength of the noise; 0 is ``sample_dpmpp_2m``, 1 the reverse SDE.
        process, noise, checkpoint: as for every solver.

    Raises:
        ValueError: ``eta`` is negative, or the schedule does not decrease.
    """
    if not eta >= 0:
        raise ValueError(f"eta {eta} is negative: 0 adds no noise, 1 is the reverse SDE")
    plan = plan_falling_steps(sigmas, process)
    fresh = noise_for(x, noise, extra_args)
    x, past, steps = begin(x, plan, checkpoint)
    for step in steps:
        denoised = predict(denoiser, x, step.sigma, extra_args)
        report(callback, x, step, denoised)
        target = _extrapolated(denoised, past, plan[: step.number + 1], process)
        x = move(x, target, step)
        if step.next_sigma > 0 and eta > 0:
            spread = math.sqrt(-math.expm1(-2 * eta * _gain(step, process)))
            x = _forget(x, target, step, eta, process) + step.next_sigma * spread * fresh(
                step.number
            )
        past = (denoised,)
        note(checkpoint, step, x, past)
    return x


def _forget(x: Tensor, target: Tensor, step: Step, eta: float, process: NoiseProcess) -> Tensor:
    """Replace noise in the deterministically moved state by signal, to make room for fresh noise.

    The state is signal D + rest; the rest decays by e^(-eta h).
    """
    clean = process.signal(step.next_sigma) * target
    return clean + math.exp(-eta * _gain(step, process)) * (x - clean)


def _extrapolated(
    denoised: Tensor, past: Sequence[Tensor], steps: Sequence[Step], process: NoiseProcess
) -> Tensor:
    """Extrapolate the line through the last two predictions to the middle of the step."""
    step = steps[-1]
    if not past or step.next_sigma == 0:
        return denoised
    ratio = _gain(step, process) / _gain(steps[-2], process)
    return denoised + ratio / 2 * (denoised - past[0])


def _gain(step: Step, process: NoiseProcess) -> float:
    return process.half_log_snr(step.next_sigma) - process.half_log_snr(step.sigma)
