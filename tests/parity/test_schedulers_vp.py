"""Solvers on the VE process and stochastic solvers equal diffusers' schedulers, noise for noise.

diffusers keeps variance-preserving states, x_ve / sqrt(1 + sigma^2), in most of its schedulers. Its
random numbers are replaced by the noise that ours are given.
"""

import importlib

import pytest
import torch
from diffusers.schedulers.scheduling_dpmsolver_multistep import DPMSolverMultistepScheduler
from diffusers.schedulers.scheduling_euler_ancestral_discrete import (
    EulerAncestralDiscreteScheduler,
)
from diffusers.schedulers.scheduling_euler_discrete import EulerDiscreteScheduler
from diffusers.schedulers.scheduling_flow_match_lcm import FlowMatchLCMScheduler
from diffusers.schedulers.scheduling_heun_discrete import HeunDiscreteScheduler
from diffusers.schedulers.scheduling_lcm import LCMScheduler
from diffusers.schedulers.scheduling_tcd import TCDScheduler
from diffusers.schedulers.scheduling_unipc_multistep import UniPCMultistepScheduler

from spacetime_video.samplers.noise.steps import seeded_step_noise
from spacetime_video.samplers.process import NoiseProcess
from spacetime_video.samplers.schedules.few_step import lcm_timesteps
from spacetime_video.samplers.schedules.flow import flow_sigmas
from spacetime_video.samplers.solvers import sample_euler, sample_heun
from spacetime_video.samplers.solvers.ancestral import sample_euler_ancestral
from spacetime_video.samplers.solvers.consistency import sample_lcm
from spacetime_video.samplers.solvers.dpmpp import sample_dpmpp_2m, sample_dpmpp_2m_sde
from spacetime_video.samplers.solvers.unipc import sample_unipc

from ..tables import stable_diffusion_table

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

TABLE = stable_diffusion_table()
BETAS = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
SHAPE = (2, 4, 3, 4, 4)
STEPS = pytest.mark.parametrize("steps", [1, 2, 3, 10, 20])
NOISE = seeded_step_noise(SHAPE, seed=3)


def denoise_ve(x, sigma, **extra):
    """A nonlinear prediction: the posterior mean of x0 = -1 or 1 with a little spread."""
    s = sigma.reshape(-1, 1, 1, 1, 1).to(x)
    spread = 0.3 + s**2
    mean = torch.tanh(x / spread)
    return mean + 0.3 / spread * (x - mean)


def denoise_flow(x, sigma, **extra):
    s = sigma.reshape(-1, 1, 1, 1, 1).to(x).clamp(max=1 - 1e-6)
    return denoise_ve(x / (1 - s), s.flatten() / (1 - s.flatten()))


def noise():
    return torch.randn(SHAPE, generator=torch.Generator().manual_seed(0))


def eps_of(x_ve, sigma):
    return (x_ve - denoise_ve(x_ve, sigma.expand(len(x_ve)))) / sigma


def close(ours, theirs):
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


@pytest.fixture
def given_noise(monkeypatch):
    """Let a scheduler draw our step noise: the k-th draw is that of step k."""

    def replace(scheduler):
        drawn = iter(range(1000))
        module = importlib.import_module(type(scheduler).__module__)
        monkeypatch.setattr(
            module, "randn_tensor", lambda *shape, **options: NOISE(next(drawn)), raising=True
        )
        return scheduler

    return replace


def run_vp(scheduler, x_ve, sigmas):
    """Drive a scheduler of variance-preserving states over levels that it is forced to take."""
    scheduler.set_timesteps(len(sigmas) - 1)
    scheduler.sigmas = sigmas.clone()
    scheduler.set_begin_index(0)
    x = x_ve / (1 + sigmas[0] ** 2).sqrt()
    for number, sigma in enumerate(sigmas[:-1]):
        ve = x * (1 + sigma**2).sqrt()
        x = scheduler.step(eps_of(ve, sigma), scheduler.timesteps[number], x).prev_sample
    return x * (1 + sigmas[-1] ** 2).sqrt()


def run_ve(scheduler, x, sigmas, levels=None):
    """Drive a scheduler of k-diffusion's states."""
    scheduler.set_timesteps(len(sigmas) - 1)
    if levels is None:
        scheduler.sigmas = sigmas.clone()
    scheduler.set_begin_index(0)
    scheduler.is_scale_input_called = True
    for number, sigma in enumerate(sigmas[:-1] if levels is None else levels):
        x = scheduler.step(eps_of(x, sigma), scheduler.timesteps[number], x).prev_sample
    return x


def ve_sigmas(steps):
    return TABLE.karras(steps)


def ve_start(sigmas):
    return sigmas[0] * noise() + 0.3


@STEPS
def test_euler(steps):
    sigmas = ve_sigmas(steps)
    theirs = run_ve(EulerDiscreteScheduler(**BETAS), ve_start(sigmas), sigmas)
    close(sample_euler(denoise_ve, ve_start(sigmas), sigmas), theirs)


@STEPS
def test_heun(steps):
    sigmas = ve_sigmas(steps)
    scheduler = HeunDiscreteScheduler(**BETAS)
    scheduler.set_timesteps(steps)
    inner = sigmas[1:-1].repeat_interleave(2)
    scheduler.sigmas = torch.cat([sigmas[:1], inner, sigmas[-1:]])
    scheduler.set_begin_index(0)
    x = ve_start(sigmas)
    for number, sigma in enumerate(torch.cat([sigmas[:1], inner])):
        x = scheduler.step(eps_of(x, sigma), scheduler.timesteps[number], x).prev_sample
    close(sample_heun(denoise_ve, ve_start(sigmas), sigmas), x)


@STEPS
def test_dpmpp_2m(steps):
    sigmas = ve_sigmas(steps)
    scheduler = DPMSolverMultistepScheduler(**BETAS, final_sigmas_type="zero")
    theirs = run_vp(scheduler, ve_start(sigmas), sigmas)
    close(sample_dpmpp_2m(denoise_ve, ve_start(sigmas), sigmas, process=NoiseProcess.VE), theirs)


@STEPS
@pytest.mark.parametrize("order", [2, 3])
def test_unipc(steps, order):
    sigmas = ve_sigmas(steps)
    scheduler = UniPCMultistepScheduler(**BETAS, solver_order=order, final_sigmas_type="zero")
    theirs = run_vp(scheduler, ve_start(sigmas), sigmas)
    ours = sample_unipc(denoise_ve, ve_start(sigmas), sigmas, order=order, process=NoiseProcess.VE)
    close(ours, theirs)


@STEPS
def test_euler_ancestral(steps, given_noise):
    sigmas = ve_sigmas(steps)
    scheduler = given_noise(EulerAncestralDiscreteScheduler(**BETAS))
    theirs = run_ve(scheduler, ve_start(sigmas), sigmas)
    x = ve_start(sigmas)
    close(
        sample_euler_ancestral(denoise_ve, x, sigmas, process=NoiseProcess.VE, noise=NOISE), theirs
    )


@STEPS
def test_dpmpp_2m_sde(steps, given_noise):
    sigmas = ve_sigmas(steps)
    scheduler = given_noise(
        DPMSolverMultistepScheduler(
            **BETAS, algorithm_type="sde-dpmsolver++", final_sigmas_type="zero"
        )
    )
    theirs = run_vp(scheduler, ve_start(sigmas), sigmas)
    x = ve_start(sigmas)
    ours = sample_dpmpp_2m_sde(denoise_ve, x, sigmas, process=NoiseProcess.VE, noise=NOISE)
    close(ours, theirs)


@STEPS
@pytest.mark.parametrize("shift", [1.0, 5.0])
def test_dpmpp_2m_sde_of_a_flow_model(steps, shift, given_noise):
    sigmas = flow_sigmas(steps, shift=shift, start=0.97)
    scheduler = given_noise(
        DPMSolverMultistepScheduler(
            algorithm_type="sde-dpmsolver++",
            prediction_type="flow_prediction",
            use_flow_sigmas=True,
            final_sigmas_type="zero",
        )
    )
    scheduler.set_timesteps(steps)
    scheduler.sigmas = sigmas.clone()
    scheduler.set_begin_index(0)
    x = noise()
    for number, sigma in enumerate(sigmas[:-1]):
        velocity = (x - denoise_flow(x, sigma.expand(len(x)))) / sigma
        x = scheduler.step(velocity, scheduler.timesteps[number], x).prev_sample
    close(sample_dpmpp_2m_sde(denoise_flow, noise(), sigmas, noise=NOISE), x)


@pytest.mark.parametrize("steps", [1, 2, 4, 8])
@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
def test_lcm(steps, prediction, given_noise):
    scheduler = given_noise(LCMScheduler(**BETAS, prediction_type=prediction, clip_sample=False))
    scheduler.set_timesteps(steps)
    sigmas = TABLE.lcm(steps)
    start = ve_start(sigmas)
    x = start / (1 + sigmas[0] ** 2).sqrt()
    for number, sigma in enumerate(sigmas[:-1]):
        ve = x * (1 + sigma**2).sqrt()
        level = sigma.expand(len(x))
        output = eps_of(ve, sigma) if prediction == "epsilon" else v_of(ve, level)
        x = scheduler.step(output, scheduler.timesteps[number], x).prev_sample
    close(sample_lcm(denoise_ve, start, sigmas, process=NoiseProcess.VE, noise=NOISE), x)


def v_of(ve, level):
    s = level.reshape(-1, 1, 1, 1, 1)
    x0 = denoise_ve(ve, level)
    signal = (1 + s**2).rsqrt()
    return signal * (ve - x0) / s - s * signal * x0


@pytest.mark.parametrize("steps", [1, 2, 4, 8])
@pytest.mark.parametrize("shift", [1.0, 5.0])
def test_lcm_of_a_flow_model(steps, shift, given_noise):
    sigmas = flow_sigmas(steps, shift=shift)
    scheduler = given_noise(FlowMatchLCMScheduler())
    scheduler.set_timesteps(sigmas=sigmas[:-1].tolist())
    x = noise()
    for number, sigma in enumerate(sigmas[:-1]):
        velocity = (x - denoise_flow(x, sigma.expand(len(x)))) / sigma
        x = scheduler.step(velocity, scheduler.timesteps[number], x).prev_sample
    close(sample_lcm(denoise_flow, noise(), sigmas, noise=NOISE), x)


@pytest.mark.parametrize("steps", [2, 4, 8])
@pytest.mark.parametrize("eta", [0.0, 0.3, 0.7])
def test_tcd(steps, eta, given_noise):
    """Up to the last step, which goes to timestep 0 there and to the prediction here."""
    scheduler = given_noise(TCDScheduler(**BETAS, clip_sample=False))
    scheduler.set_timesteps(steps)
    timesteps = scheduler.timesteps.tolist()
    assert timesteps == lcm_timesteps(steps)
    sigmas = TABLE.lcm(steps)
    x = ve_start(sigmas) / (1 + sigmas[0] ** 2).sqrt()
    for timestep, sigma in zip(timesteps[:-1], sigmas, strict=False):
        ve = x * (1 + sigma**2).sqrt()
        x = scheduler.step(eps_of(ve, sigma), timestep, x, eta=eta).prev_sample
    theirs = x * (1 + sigmas[-2] ** 2).sqrt()
    options = {"eta": eta, "table": TABLE, "process": NoiseProcess.VE, "noise": NOISE}
    close(sample_lcm(denoise_ve, ve_start(sigmas), sigmas[:-1], **options), theirs)
