"""Conversions between velocity and clean prediction, and how noise levels meet a state."""

import pytest
import torch

from spacetime_video.samplers.denoiser import (
    broadcast_sigma,
    flow_denoiser,
    output_of,
    to_denoised,
    to_velocity,
    x0_of,
)
from spacetime_video.samplers.process import NoiseProcess


@pytest.mark.parametrize(
    ("levels", "state", "result"),
    [
        ((), (2, 3, 4, 5, 6), (1, 1, 1, 1, 1)),
        ((2,), (2, 3, 4, 5, 6), (2, 1, 1, 1, 1)),
        ((1,), (2, 7, 8), (1, 1, 1)),
        ((2, 7), (2, 7, 8), (2, 7, 1)),
        ((1, 7), (2, 7, 8), (1, 7, 1)),
        ((2, 4, 5, 6), (2, 3, 4, 5, 6), (2, 1, 4, 5, 6)),
        ((2, 4, 1, 1), (2, 3, 4, 5, 6), (2, 1, 4, 1, 1)),
        ((2, 5, 6), (2, 3, 5, 6), (2, 1, 5, 6)),
    ],
)
def test_broadcast(levels, state, result):
    assert broadcast_sigma(torch.zeros(levels), torch.zeros(state)).shape == result


@pytest.mark.parametrize(
    ("levels", "state"),
    [
        ((3,), (2, 7, 8)),
        ((2, 7), (2, 3, 4, 5, 6)),
        ((2, 6), (2, 7, 8)),
        ((2, 1, 4, 5, 6), (2, 3, 4, 5, 6)),
    ],
)
def test_levels_that_do_not_fit(levels, state):
    with pytest.raises(ValueError, match="do not fit"):
        broadcast_sigma(torch.zeros(levels), torch.zeros(state))


def test_round_trip_and_the_definition_of_velocity(start):
    noise = start.flip(0)
    sigma = torch.tensor([0.2, 0.9], dtype=torch.float64)
    level = broadcast_sigma(sigma, start)
    x = (1 - level) * start + level * noise
    velocity = noise - start
    torch.testing.assert_close(to_denoised(x, velocity, sigma), start, atol=1e-12, rtol=0)
    torch.testing.assert_close(to_velocity(x, start, sigma), velocity, atol=1e-12, rtol=0)


def test_clean_tokens_stay():
    tokens = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(0))
    sigma = torch.tensor([[0.0, 0.0, 0.5, 0.5, 1.0], [0.3, 0.0, 0.0, 0.1, 0.0]])
    given = sigma == 0
    denoised = flow_denoiser(lambda x, sigma: torch.ones_like(x))(tokens, sigma)
    assert torch.equal(denoised[given], tokens[given])
    assert torch.equal(denoised[0, 4], tokens[0, 4] - 1)
    velocity = to_velocity(tokens, denoised, sigma)
    assert not velocity[given].any()
    assert velocity.isfinite().all()


def test_flow_denoiser_keeps_the_state_in_float32(start):
    seen = {}

    def velocity(x, sigma, **extra):
        seen.update(extra)
        return x.bfloat16()

    x = start.float()
    denoised = flow_denoiser(velocity)(x, torch.full((2,), 0.5), prompt="cube")
    assert denoised.dtype == torch.float32
    assert seen == {"prompt": "cube"}


SIGMA = torch.tensor([0.05, 0.9], dtype=torch.float64)
LEVEL = SIGMA.reshape(2, 1, 1, 1, 1)


def test_a_flow_model_predicts_the_velocity(start):
    eps = start.flip(0)
    x = (1 - LEVEL) * start + LEVEL * eps
    output = output_of(x, start, SIGMA, NoiseProcess.FLOW)
    torch.testing.assert_close(output, eps - start, atol=1e-12, rtol=0)


def test_the_others_predict_v_with_the_other_sign(start):
    eps = start.flip(0)
    signal = (1 + LEVEL**2).rsqrt()
    output = output_of(start + LEVEL * eps, start, SIGMA, NoiseProcess.VE)
    v = signal * eps - LEVEL * signal * start
    torch.testing.assert_close(output, -v, atol=1e-12, rtol=0)


@pytest.mark.parametrize("process", NoiseProcess)
def test_the_way_back(process, start):
    x = start.flip(0)
    output = output_of(x, start, SIGMA, process)
    torch.testing.assert_close(x0_of(x, output, SIGMA, process), start, atol=1e-12, rtol=0)


@pytest.mark.parametrize("process", NoiseProcess)
def test_clean_places_predict_nothing_and_stay(process):
    x = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(0))
    sigma = torch.tensor([[0.0, 0.0, 0.5, 0.5, 1.0], [0.3, 0.0, 0.0, 0.1, 0.0]])
    clean = sigma == 0
    output = output_of(x, x + 1, sigma, process)
    assert not output[clean].any()
    assert output.isfinite().all()
    assert torch.equal(x0_of(x, output, sigma, process)[clean], x[clean])
