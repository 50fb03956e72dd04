"""What networks predict, and the way back, on both processes."""

import pytest
import torch

from spacetime_video.samplers.process import NoiseProcess
from spacetime_video.samplers.velocity import output_of, x0_of

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
