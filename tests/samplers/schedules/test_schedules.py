"""Schedules: lengths, ends, published grids and the arithmetic of the shift."""

import pytest
import torch

from spacetime_video.samplers.schedules.flow import flow_sigmas, shift_sigmas
from spacetime_video.samplers.schedules.stock import normal_sigmas, simple_sigmas

SCHEDULES = pytest.mark.parametrize(
    "sigmas_for",
    [lambda n, a: flow_sigmas(n, shift=a), simple_sigmas, normal_sigmas],
    ids=["flow", "simple", "normal"],
)


@SCHEDULES
@pytest.mark.parametrize("steps", [1, 2, 7, 30])
@pytest.mark.parametrize("shift", [0.5, 1.0, 5.0])
def test_falls_from_one_to_zero(sigmas_for, steps, shift):
    sigmas = sigmas_for(steps, shift)
    assert sigmas.shape == (steps + 1,)
    assert sigmas.dtype == torch.float32
    assert sigmas[0] == 1
    assert sigmas[-1] == 0
    assert (sigmas.diff() < 0).all()


@SCHEDULES
@pytest.mark.parametrize(("steps", "shift"), [(0, 1.0), (4, 0.0), (4, -1.0), (4, float("nan"))])
def test_out_of_range(sigmas_for, steps, shift):
    with pytest.raises(ValueError, match=r"steps|shift"):
        sigmas_for(steps, shift)


def test_published_few_step_grids():
    four = [1, 0.9375, 0.8333, 0.625, 0]
    eight = [1, 0.9722, 0.9375, 0.8929, 0.8333, 0.75, 0.625, 0.4167, 0]
    for grid in (four, eight):
        sigmas = flow_sigmas(len(grid) - 1, shift=5.0)
        torch.testing.assert_close(sigmas, torch.tensor(grid), atol=5e-5, rtol=0)


def test_shifts_multiply():
    sigmas = torch.linspace(1, 0, 11, dtype=torch.float64)
    twice = shift_sigmas(shift_sigmas(sigmas, 3), 2)
    torch.testing.assert_close(twice, shift_sigmas(sigmas, 6), atol=1e-12, rtol=0)
    torch.testing.assert_close(shift_sigmas(twice, 1 / 6), sigmas, atol=1e-12, rtol=0)


@pytest.mark.parametrize("start", [0.3, 0.6, 1.0])
def test_partial_start_spends_all_steps_below_it(start):
    sigmas = flow_sigmas(8, shift=3.0, start=start)
    assert sigmas[0] == torch.tensor(start)
    assert sigmas[-1] == 0
    even = shift_sigmas(sigmas.double(), 1 / 3)
    torch.testing.assert_close(even.diff(), even.diff().mean().expand(8), atol=1e-6, rtol=0)


@pytest.mark.parametrize("start", [0.0, -0.5, 1.5])
def test_start_out_of_range(start):
    with pytest.raises(ValueError, match="start"):
        flow_sigmas(4, start=start)


def test_named_schedules_of_the_host():
    # Printed by ComfyUI's schedulers for a flow model of shift 5 (and 8) with 1000 levels.
    simple = [1.0, 0.9375, 0.8333333134651184, 0.625, 0.0]
    normal = [1.0, 0.9097071290016174, 0.717317521572113, 0.02441406436264515, 0.0]
    assert simple_sigmas(4, 5.0).tolist() == pytest.approx(simple, abs=1e-7)
    assert normal_sigmas(4, 5.0).tolist() == pytest.approx(normal, abs=1e-7)
    uneven = [
        1.0000000,
        0.9797316,
        0.9525396,
        0.9144684,
        0.8573569,
        0.7621586,
        0.5717142,
        0.0000000,
    ]
    assert simple_sigmas(7, 8.0).tolist() == pytest.approx(uneven, abs=1e-7)
