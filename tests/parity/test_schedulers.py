"""Solvers equal diffusers' schedulers on the same noise levels.

The levels are forced onto the scheduler objects, whose own spacings differ. DPM-Solver and UniPC
compare with ``final_sigmas_type="zero"`` and ``use_flow_sigmas``; their integer timesteps only
look up a step index, so the index is set instead of a time.
"""

import pytest
import torch
from diffusers.schedulers.scheduling_dpmsolver_multistep import DPMSolverMultistepScheduler
from diffusers.schedulers.scheduling_flow_match_euler_discrete import (
    FlowMatchEulerDiscreteScheduler,
)
from diffusers.schedulers.scheduling_flow_match_heun_discrete import FlowMatchHeunDiscreteScheduler
from diffusers.schedulers.scheduling_unipc_multistep import UniPCMultistepScheduler

from spacetime_video.samplers.schedules.flow import flow_sigmas
from spacetime_video.samplers.solvers import sample_dpmpp_2m, sample_euler, sample_heun
from spacetime_video.samplers.solvers.unipc import sample_unipc

STEPS = pytest.mark.parametrize("steps", [1, 2, 3, 10, 20])
SHIFT = pytest.mark.parametrize("shift", [1.0, 5.0])
FIRST = pytest.mark.parametrize("first", [1.0, 0.97])


def denoise(x, sigma):
    """A nonlinear prediction: the posterior mean of x0 = -1 or 1 with a little spread."""
    s = sigma.reshape(-1, 1, 1, 1, 1).clamp(min=1e-4)
    spread = 0.1 * (1 - s) ** 2 + s**2
    mean = torch.tanh((1 - s) * x / spread)
    return mean + 0.1 * (1 - s) / spread * (x - (1 - s) * mean)


def noise():
    return torch.randn(2, 4, 3, 4, 4, generator=torch.Generator().manual_seed(0))


def run_scheduler(scheduler, sigmas, x, *, levels=None):
    """Drive a scheduler with flow velocities over levels that it was forced to take."""
    scheduler.set_begin_index(0)
    for number, sigma in enumerate(sigmas[:-1] if levels is None else levels):
        level = sigma.expand(len(x))
        velocity = (x - denoise(x, level)) / sigma
        x = scheduler.step(velocity, scheduler.timesteps[number], x).prev_sample
    return x


def force_levels(scheduler, sigmas):
    scheduler.set_timesteps(len(sigmas) - 1)
    scheduler.sigmas = sigmas.clone()
    # diffusers starts a hair below 1, where its log-SNR is finite.
    scheduler.sigmas[0] = scheduler.sigmas[0].clamp(max=1 - 1e-6)
    return scheduler


def close(ours, theirs):
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


@STEPS
@SHIFT
@FIRST
def test_euler(steps, shift, first):
    sigmas = flow_sigmas(steps, shift=shift, start=first)
    scheduler = FlowMatchEulerDiscreteScheduler()
    scheduler.set_timesteps(sigmas=sigmas[:-1].tolist())
    close(sample_euler(denoise, noise(), sigmas), run_scheduler(scheduler, sigmas, noise()))


@STEPS
@SHIFT
@FIRST
def test_heun(steps, shift, first):
    sigmas = flow_sigmas(steps, shift=shift, start=first)
    scheduler = FlowMatchHeunDiscreteScheduler()
    scheduler.set_timesteps(steps)
    inner = sigmas[1:-1].repeat_interleave(2)
    scheduler.sigmas = torch.cat([sigmas[:1], inner, sigmas[-1:]])
    levels = torch.cat([sigmas[:1], inner])
    theirs = run_scheduler(scheduler, sigmas, noise(), levels=levels)
    close(sample_heun(denoise, noise(), sigmas), theirs)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@STEPS
@SHIFT
@FIRST
def test_dpmpp_2m(steps, shift, first):
    sigmas = flow_sigmas(steps, shift=shift, start=first)
    scheduler = DPMSolverMultistepScheduler(
        algorithm_type="dpmsolver++",
        solver_order=2,
        prediction_type="flow_prediction",
        use_flow_sigmas=True,
        final_sigmas_type="zero",
    )
    scheduler = force_levels(scheduler, sigmas)
    close(sample_dpmpp_2m(denoise, noise(), sigmas), run_scheduler(scheduler, sigmas, noise()))


@STEPS
@SHIFT
@FIRST
@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("variant", ["bh1", "bh2"])
def test_unipc(steps, shift, first, order, variant):
    sigmas = flow_sigmas(steps, shift=shift, start=first)
    scheduler = UniPCMultistepScheduler(
        solver_order=order,
        solver_type=variant,
        prediction_type="flow_prediction",
        use_flow_sigmas=True,
        final_sigmas_type="zero",
        lower_order_final=True,
    )
    scheduler = force_levels(scheduler, sigmas)
    states = []
    ours = sample_unipc(
        denoise,
        noise(),
        sigmas,
        callback=lambda report: states.append(report["x"]),
        order=order,
        variant=variant,
    )
    theirs = run_scheduler(scheduler, sigmas, noise())
    close(states[-1], scheduler.last_sample)
    if variant == "bh2":  # diffusers' bh1 multiplies 0 by infinity in a step to 0
        close(ours, theirs)


@pytest.mark.parametrize("steps", [4, 20])
def test_unipc_on_the_levels_of_the_scheduler(steps):
    scheduler = UniPCMultistepScheduler(
        prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=5.0
    )
    scheduler.set_timesteps(steps)
    sigmas = scheduler.sigmas
    close(sample_unipc(denoise, noise(), sigmas), run_scheduler(scheduler, sigmas, noise()))
