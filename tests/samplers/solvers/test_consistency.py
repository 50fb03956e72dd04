"""Consistency sampling: exact with a consistency function, a known collapse without."""

import pytest
import torch

from spacetime_video.samplers.process import NoiseProcess
from spacetime_video.samplers.schedules.flow import flow_sigmas
from spacetime_video.samplers.solvers.consistency import (
    sample_lcm,
)

from ...tables import stable_diffusion_table

MEAN, VARIANCE = 0.4, 0.3
COUNT = 200_000


def noise():
    return torch.randn(1, COUNT, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def spread(process, sigma):
    """Deviation of a state whose clean samples have the variance."""
    return (process.signal(sigma) ** 2 * VARIANCE + sigma**2) ** 0.5


def consistency_function(process):
    """Follow the exact ODE of N(MEAN, VARIANCE) to its end."""

    def jump(x, sigma, **extra):
        s = sigma[0].item()
        return MEAN + VARIANCE**0.5 / spread(process, s) * (x - process.signal(s) * MEAN)

    return jump


def posterior_mean(x, sigma, **extra):
    """What a model that was not distilled predicts, on the flow process."""
    a = sigma[0].item()
    gain = VARIANCE * (1 - a) / ((1 - a) ** 2 * VARIANCE + a**2)
    return MEAN + gain * (x - (1 - a) * MEAN)


def schedule(process, steps):
    return (
        flow_sigmas(steps) if process is NoiseProcess.FLOW else stable_diffusion_table().lcm(steps)
    )


@pytest.mark.parametrize("process", NoiseProcess)
@pytest.mark.parametrize("steps", [1, 2, 4, 8])
def test_a_consistency_function_keeps_the_law(process, steps):
    sigmas = schedule(process, steps)
    first = sigmas[0].item()
    x = process.signal(first) * MEAN + spread(process, first) * noise()
    made = sample_lcm(consistency_function(process), x, sigmas, {"seed": 1}, process=process)
    assert made.mean().item() == pytest.approx(MEAN, abs=0.005)
    assert made.var().item() == pytest.approx(VARIANCE, abs=0.005)


@pytest.mark.parametrize("process", NoiseProcess)
@pytest.mark.parametrize("steps", [1, 2, 4])
@pytest.mark.parametrize("eta", [0.3, 0.7])
def test_spread_with_less_noise_in_closed_form(process, steps, eta):
    sigmas = schedule(process, steps)
    variance = spread(process, sigmas[0].item()) ** 2
    x = process.signal(sigmas[0].item()) * MEAN + variance**0.5 * noise()
    for a, b in zip(sigmas[:-1].tolist(), sigmas[1:].tolist(), strict=True):
        jump, landing = VARIANCE**0.5 / spread(process, a), (1 - eta) * b
        variance *= (jump + landing / a * (1 - jump)) ** 2
        keep = process.signal(b) / process.signal(landing)
        variance = keep**2 * variance + b**2 - (keep * landing) ** 2
    made = sample_lcm(
        consistency_function(process), x, sigmas, {"seed": 1}, eta=eta, process=process
    )
    assert made.var().item() == pytest.approx(variance, rel=0.02)


@pytest.mark.parametrize("steps", [1, 2, 4, 8])
def test_a_model_that_was_not_distilled_collapses(steps):
    sigmas = flow_sigmas(steps, shift=5.0)
    variance = 1.0
    for a, b in zip(sigmas[:-1].tolist(), sigmas[1:].tolist(), strict=True):
        gain = VARIANCE * (1 - a) / ((1 - a) ** 2 * VARIANCE + a**2)
        variance = (1 - b) ** 2 * gain**2 * variance + b**2
    made = sample_lcm(posterior_mean, noise(), sigmas, {"seed": 1})
    assert made.var().item() == pytest.approx(variance, abs=0.002)
    assert variance < VARIANCE / 3


def test_the_collapse_that_is_documented():
    variances = [
        sample_lcm(posterior_mean, noise(), flow_sigmas(steps, shift=5.0), {"seed": 1}).var().item()
        for steps in (1, 2, 4, 8)
    ]
    assert variances == pytest.approx([0.0, 0.0035, 0.0264, 0.0736], abs=0.001)
