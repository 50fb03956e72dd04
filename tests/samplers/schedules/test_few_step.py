"""Grids of distilled models against their published numbers."""

import pytest
import torch

from spacetime_video.samplers.schedules.few_step import (
    few_step_grids,
    lcm_flow_sigmas,
    lcm_timesteps,
    rcm_sigmas,
)
from spacetime_video.samplers.schedules.flow import flow_sigmas

PUBLISHED = {
    "lightning_4": [1, 0.9375, 0.8333, 0.625, 0],
    "lightning_8": [1, 0.9722, 0.9375, 0.8929, 0.8333, 0.75, 0.625, 0.4167, 0],
    "ltx_distilled": [1, 0.9937, 0.9875, 0.9812, 0.975, 0.9094, 0.725, 0.4219, 0],
    "ltx_distilled_second_pass": [0.9094, 0.725, 0.4219, 0],
    "rcm_1": [0.9877, 0],
    "rcm_2": [0.9877, 0.9338, 0],
    "rcm_3": [0.9877, 0.9338, 0.8529, 0],
    "rcm_4": [0.9877, 0.9338, 0.8529, 0.6090, 0],
}


def test_every_grid_is_named_here():
    assert list(few_step_grids()) == list(PUBLISHED)


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_levels(name):
    grid = few_step_grids()[name]
    assert grid.dtype == torch.float32
    torch.testing.assert_close(grid, torch.tensor(PUBLISHED[name]), atol=6e-5, rtol=0)


@pytest.mark.parametrize(
    ("steps", "wanted"),
    [
        (1, [999]),
        (2, [999, 499]),
        (4, [999, 759, 499, 259]),
        (8, [999, 879, 759, 639, 499, 379, 259, 139]),
    ],
)
def test_skipping_steps(steps, wanted):
    assert lcm_timesteps(steps) == wanted


def test_skipping_steps_of_other_teachers():
    assert lcm_timesteps(4, original_steps=100) == [999, 749, 499, 249]
    assert lcm_timesteps(3, original_steps=3, train_steps=30) == [29, 19, 9]
    assert lcm_timesteps(2, strength=0.5) == [499, 259]


@pytest.mark.parametrize("steps", [1, 3, 4, 50])
def test_flow_grid_trails_from_pure_noise(steps):
    sigmas = lcm_flow_sigmas(steps, shift=5.0)
    assert sigmas.shape == (steps + 1,)
    assert sigmas[0] == 1
    assert sigmas[-1] == 0
    assert (sigmas.diff() < 0).all()


def test_flow_grid_levels():
    assert lcm_flow_sigmas(4).tolist() == pytest.approx([1, 0.76, 0.5, 0.26, 0])
    assert lcm_flow_sigmas(2, strength=0.5)[0] == 0.5


@pytest.mark.parametrize("steps", [1, 2, 4, 8])
def test_flow_grid_takes_levels_that_were_trained(steps):
    trained = flow_sigmas(24, shift=3.0)  # no divisor of the 1000 timesteps of other models
    picked = lcm_flow_sigmas(steps, shift=3.0, original_steps=24)
    torch.testing.assert_close(picked, trained[:: 24 // steps])


@pytest.mark.parametrize(
    "call",
    [
        lambda: rcm_sigmas(5),
        lambda: rcm_sigmas(0),
        lambda: lcm_timesteps(51),
        lambda: lcm_timesteps(0),
        lambda: lcm_timesteps(26, strength=0.5),
        lambda: lcm_timesteps(1, strength=0.0),
        lambda: lcm_timesteps(1, original_steps=1001),
        lambda: lcm_timesteps(1, original_steps=0),
        lambda: lcm_flow_sigmas(1, original_steps=0),
    ],
)
def test_out_of_range(call):
    with pytest.raises(ValueError, match="steps"):
        call()
