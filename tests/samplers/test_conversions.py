"""Six forms of prediction: round trips, one model in all of them, the same trajectory."""

import math

import pytest
import torch

from spacetime_video.samplers import conversions
from spacetime_video.samplers.conversions import (
    as_denoiser,
    change_form,
    edm,
    from_x0,
    to_eps,
    to_x0,
)
from spacetime_video.samplers.process import NoiseProcess
from spacetime_video.samplers.schedules.flow import flow_sigmas
from spacetime_video.samplers.solvers import sample_heun

FORMS = {
    "eps": conversions.EPS,
    "v": conversions.V,
    "x0": conversions.X0,
    "flow": conversions.FLOW,
    "trig_flow": conversions.TRIG_FLOW,
    "edm": edm(),
    "svd": edm(1.0),
}
EVERY_FORM = pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
EVERY_OTHER = pytest.mark.parametrize("other", FORMS.values(), ids=FORMS)
RATIOS = torch.tensor([0.05, 0.4, 1.0, 3.0, 20.0], dtype=torch.float64)


@pytest.fixture
def pair():
    """Clean samples and noise."""
    generator = torch.Generator().manual_seed(0)
    return torch.randn(2, 5, 3, 4, generator=generator, dtype=torch.float64).unbind()


def scaled(factor, x):
    return factor[:, None, None] * x


def state_of(form, level, x0, eps):
    return scaled(form.signal(level), x0) + scaled(form.noise(level), eps)


OUTPUTS = {
    "eps": lambda form, level, x0, eps: eps,
    "v": lambda form, level, x0, eps: (
        scaled(form.signal(level), eps) - scaled(form.noise(level), x0)
    ),
    "x0": lambda form, level, x0, eps: x0,
    "flow": lambda form, level, x0, eps: eps - x0,
    "trig_flow": lambda form, level, x0, eps: scaled(level.cos(), eps) - scaled(level.sin(), x0),
}


@pytest.mark.parametrize("name", OUTPUTS)
def test_what_each_form_predicts(name, pair):
    form = FORMS[name]
    level = form.level(RATIOS)
    x = state_of(form, level, *pair)
    output = OUTPUTS[name](form, level, *pair)
    torch.testing.assert_close(to_x0(form, x, output, level), pair[0], atol=1e-12, rtol=0)


def test_edm_preconditioning(pair):
    x0, eps = pair
    x = x0 + scaled(RATIOS, eps)
    skip, out = 0.25 / (RATIOS**2 + 0.25), RATIOS * 0.5 / (RATIOS**2 + 0.25).sqrt()
    wanted = (x0 - scaled(skip, x)) / scaled(out, torch.ones_like(x))
    torch.testing.assert_close(from_x0(edm(), x, x0, RATIOS), wanted, atol=1e-12, rtol=0)


def test_stable_video_diffusion_predicts_v_with_the_other_sign(pair):
    x0, eps = pair
    ve = from_x0(edm(1.0), x0 + scaled(RATIOS, eps), x0, RATIOS)
    vp = state_of(conversions.V, RATIOS, x0, eps)
    v = from_x0(conversions.V, vp, x0, RATIOS)
    torch.testing.assert_close(ve, -v, atol=1e-12, rtol=0)


@EVERY_FORM
def test_round_trip_of_levels(form):
    torch.testing.assert_close(form.ratio(form.level(RATIOS)), RATIOS, atol=1e-12, rtol=1e-12)
    level = form.level(RATIOS)
    torch.testing.assert_close(form.noise(level) / form.signal(level), RATIOS)


@EVERY_FORM
@EVERY_OTHER
def test_round_trip_through_every_other_form(form, other, pair):
    x0, eps = pair
    level = form.level(RATIOS)
    x = state_of(form, level, x0, eps)
    there, its_level = change_form(x, level, form, other)
    torch.testing.assert_close(there, state_of(other, its_level, x0, eps), atol=1e-12, rtol=1e-12)
    output = from_x0(other, there, x0, its_level)
    clean = to_x0(other, there, output, its_level)
    torch.testing.assert_close(clean, x0, atol=1e-11, rtol=0)
    torch.testing.assert_close(to_eps(other, there, clean, its_level), eps, atol=1e-9, rtol=0)
    back, level_again = change_form(there, its_level, other, form)
    torch.testing.assert_close(back, x, atol=1e-12, rtol=1e-12)
    torch.testing.assert_close(level_again, level, atol=1e-12, rtol=1e-12)


def test_levels_of_rcm():
    angle = torch.tensor([math.atan(80.0), 1.5, 1.0], dtype=torch.float64)
    flow = conversions.FLOW.level(conversions.TRIG_FLOW.ratio(angle))
    torch.testing.assert_close(flow, angle.sin() / (angle.sin() + angle.cos()))


@EVERY_FORM
@pytest.mark.parametrize("process", NoiseProcess)
def test_one_model_in_every_form_is_one_denoiser(form, process, video_model, start):
    def network(x, level):
        x0 = video_model.posterior(x, form.signal(level), form.noise(level))
        return from_x0(form, x, x0, level)

    denoise = as_denoiser(form, network, process)
    for sigma in (0.02, 0.5, 0.97):
        level = torch.full((2,), sigma, dtype=torch.float64)
        wanted = video_model.denoiser(process)(start, level)
        torch.testing.assert_close(denoise(start, level), wanted, atol=1e-9, rtol=0)


def test_the_trajectory_is_the_same_up_to_scale(video_model, start):
    flow = flow_sigmas(80, start=0.95).double()[:-1]
    ve = flow / (1 - flow)
    one = sample_heun(video_model.denoise, start, flow)
    other = sample_heun(video_model.denoise_ve, start / (1 - flow[0]), ve)
    exact = video_model.solve(start, flow[0].item(), flow[-1].item())
    for made, scale in ((one, 1.0), (other, 1 - flow[-1])):
        torch.testing.assert_close(made * scale, exact, atol=0.02, rtol=0)


@pytest.mark.parametrize("name", ["v", "flow", "x0"])
def test_from_pure_noise(name, start):
    """Forms that are defined there take a flow process's first level, sigma 1."""
    form = FORMS[name]
    seen = []

    def network(x, level):
        seen.append((x, level))
        return torch.zeros_like(x)

    denoised = as_denoiser(form, network, NoiseProcess.FLOW)(start, torch.ones(2))
    assert denoised.isfinite().all()
    torch.testing.assert_close(seen[0][0], start)
