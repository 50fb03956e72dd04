"""Noise levels equal those of diffusers, of its Mochi pipeline and of scipy's quantiles."""

import pytest
import torch
from diffusers.pipelines.mochi.pipeline_mochi import linear_quadratic_schedule
from diffusers.schedulers.scheduling_edm_euler import EDMEulerScheduler
from diffusers.schedulers.scheduling_euler_discrete import EulerDiscreteScheduler
from diffusers.schedulers.scheduling_flow_match_euler_discrete import (
    FlowMatchEulerDiscreteScheduler,
)
from diffusers.schedulers.scheduling_lcm import LCMScheduler
from scipy.stats import beta

from spacetime_video.samplers.schedules.beta import beta_quantile
from spacetime_video.samplers.schedules.few_step import lcm_timesteps
from spacetime_video.samplers.schedules.flow import flow_sigmas
from spacetime_video.samplers.schedules.shifts import stretch_to_terminal
from spacetime_video.samplers.schedules.spacings import (
    exponential_sigmas,
    karras_sigmas,
    linear_quadratic_sigmas,
)

from ..tables import stable_diffusion_table

STEPS = pytest.mark.parametrize("steps", [1, 2, 5, 30])


def close(ours, theirs, tolerance=1e-5):
    torch.testing.assert_close(ours, theirs, atol=tolerance, rtol=tolerance)


def stable_diffusion(**options):
    return EulerDiscreteScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", **options
    )


def test_the_table_of_stable_diffusion():
    theirs = stable_diffusion().alphas_cumprod.double()
    close(torch.tensor(stable_diffusion_table().sigmas), ((1 - theirs) / theirs).sqrt().float())


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@STEPS
@pytest.mark.parametrize("spacing", ["trailing", "leading"])
def test_spacings_of_timesteps(steps, spacing):
    scheduler = stable_diffusion(timestep_spacing=spacing, steps_offset=1)
    scheduler.set_timesteps(steps)
    close(getattr(stable_diffusion_table(), spacing)(steps), scheduler.sigmas)


@pytest.mark.parametrize("original_steps", [50, 100])
def test_skipping_steps_of_every_count(original_steps):
    for steps in range(1, original_steps + 1):
        scheduler = LCMScheduler(original_inference_steps=original_steps)
        scheduler.set_timesteps(steps)
        ours = lcm_timesteps(steps, original_steps=original_steps)
        assert ours == scheduler.timesteps.tolist()


@STEPS
def test_karras_levels_of_stable_video_diffusion(steps):
    low, high = 0.002, 700.0
    scheduler = EDMEulerScheduler(sigma_min=low, sigma_max=high)
    scheduler.set_timesteps(steps)
    close(karras_sigmas(steps, sigma_min=low, sigma_max=high), scheduler.sigmas)


@pytest.mark.parametrize("steps", [2, 5, 30])  # with a single one it starts at the lowest
def test_exponential_levels(steps):
    scheduler = EDMEulerScheduler(sigma_min=0.01, sigma_max=80.0, sigma_schedule="exponential")
    scheduler.set_timesteps(steps)
    close(exponential_sigmas(steps, sigma_min=0.01, sigma_max=80.0), scheduler.sigmas)


@pytest.mark.parametrize("steps", [2, 5, 30])
@pytest.mark.parametrize("threshold", [0.025, 0.2])
def test_linear_quadratic_levels_of_mochi(steps, threshold):
    theirs = torch.tensor([*linear_quadratic_schedule(steps, threshold), 0.0])
    close(linear_quadratic_sigmas(steps, threshold=threshold), theirs)


@pytest.mark.parametrize(("a", "b"), [(0.6, 0.6), (0.5, 0.9), (2.0, 5.0)])
def test_quantiles_of_scipy(a, b):
    for probability in (0.001, 0.1, 0.37, 0.5, 0.8, 0.999):
        ours = beta_quantile(probability, a, b)
        assert ours == pytest.approx(beta.ppf(probability, a, b), abs=1e-11)


@pytest.mark.parametrize("steps", [2, 10, 40])
def test_stretched_levels_of_ltx(steps):
    scheduler = FlowMatchEulerDiscreteScheduler(shift=5.0, shift_terminal=0.1)
    scheduler.set_timesteps(sigmas=flow_sigmas(steps)[:-1].tolist())
    close(stretch_to_terminal(flow_sigmas(steps, shift=5.0)), scheduler.sigmas)
