"""Levels of eps and v models by timestep, and the way back."""

import pytest
import torch

from spacetime_video.samplers.schedules.table import NoiseTable

from ...tables import stable_diffusion_table


@pytest.fixture(scope="module")
def table():
    return stable_diffusion_table()


def test_ends_of_stable_diffusion(table):
    # Printed by ComfyUI for a Stable Diffusion model: sigma_min and sigma_max.
    assert table.sigmas[0] == pytest.approx(0.029167, abs=1e-6)
    assert table.sigmas[-1] == pytest.approx(14.614641, abs=1e-5)
    assert len(table.sigmas) == 1000


def test_timesteps_and_levels_are_inverse(table):
    for timestep in (0, 0.25, 17.5, 499, 998.75, 999):
        level = torch.tensor([table.sigma(timestep)])
        assert table.timestep(level).item() == pytest.approx(timestep, abs=1e-3)


def test_outside_the_table_is_its_end(table):
    assert table.sigma(-5) == pytest.approx(table.sigmas[0])
    assert table.sigma(2000) == pytest.approx(table.sigmas[-1])
    assert table.timestep(torch.tensor([0.0, 1e9])).tolist() == [0, 999]


def test_half_way_the_logarithm_is_linear():
    assert NoiseTable((1.0, 4.0, 9.0)).sigma(0.5) == pytest.approx(2.0)
    assert NoiseTable((1.0, 4.0, 9.0)).sigma(1.5) == pytest.approx(6.0)


@pytest.mark.parametrize("name", ["trailing", "leading", "lcm", "karras"])
@pytest.mark.parametrize("steps", [1, 4, 30])
def test_schedules_fall_to_zero(table, name, steps):
    sigmas = getattr(table, name)(steps)
    assert sigmas.shape == (steps + 1,)
    assert sigmas.dtype == torch.float32
    assert sigmas[-1] == 0
    assert (sigmas.diff() < 0).all()


def test_trailing_starts_at_the_noisiest_and_leading_does_not(table):
    assert table.trailing(4)[0].item() == pytest.approx(table.sigmas[999])
    assert table.leading(4)[0].item() == pytest.approx(table.sigmas[751])
