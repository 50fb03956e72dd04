"""The standalone KSampler: ComfyUI's noise and noise levels, and what it refuses."""

import pytest
import torch

from spacetime_video.hosts.standalone.latents import fit_empty
from spacetime_video.hosts.standalone.stock_ksampler import (
    KSampler,
    batch_noise,
)
from spacetime_video.hosts.standalone.stock_models import crop_sides
from spacetime_video.hosts.standalone.stock_solvers import (
    SAMPLERS,
    ksampler_sigmas,
    partial_sigmas,
)
from spacetime_video.samplers.schedules.stock import simple_sigmas


@pytest.mark.parametrize("seed", [0, 5, 2**63 + 1, 2**64 - 1])
def test_noise_is_drawn_over_the_whole_batch(seed):
    samples = torch.zeros(2, 3, 4, 5, 6)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        wanted = torch.randn(samples.shape)
    assert torch.equal(batch_noise(samples, seed), wanted)


def test_a_row_keeps_the_noise_it_had_in_a_larger_batch():
    row = torch.zeros(1, 2, 1, 3, 4)
    whole = batch_noise(row.expand(4, -1, -1, -1, -1), 7, [0, 1, 2, 3])
    assert torch.equal(batch_noise(row, 7, [2]), whole[2:3])
    assert torch.equal(batch_noise(row.expand(2, -1, -1, -1, -1), 7, [3, 1]), whole[[3, 1]])


def test_denoise_takes_the_end_of_a_longer_schedule():
    assert torch.equal(partial_sigmas(simple_sigmas, 4, 3.0, 1.0), simple_sigmas(4, 3.0))
    half = partial_sigmas(simple_sigmas, 4, 3.0, 0.5)
    assert torch.equal(half, simple_sigmas(8, 3.0)[-5:])
    assert len(partial_sigmas(simple_sigmas, 4, 3.0, 0.0)) == 0


def test_an_empty_latent_is_fitted_to_the_model():
    assert fit_empty(torch.zeros(2, 4, 6, 8), channels=16).shape == (2, 16, 1, 6, 8)
    full = torch.ones(1, 4, 3, 6, 8)
    assert fit_empty(full, channels=16) is full


def test_frames_are_cropped_to_their_middle():
    pixels = torch.arange(19.0)[None, :, None, None].expand(1, 19, 16, 3)
    cropped = crop_sides(pixels, multiple=8)
    assert cropped.shape == (1, 16, 16, 3)
    assert cropped[0, 0, 0, 0] == 1


@pytest.mark.parametrize(
    ("sampler", "scheduler", "answer"),
    [
        ("heun", "normal", True),
        (None, None, True),
        ("uni_pc", "karras", True),
        ("er_sde", "simple", "input sampler_name: this host does not have 'er_sde'"),
        ("euler", "best", "input scheduler: 'best' is not one of ComfyUI's schedulers"),
    ],
)
def test_other_names_are_refused_before_the_run(sampler, scheduler, answer):
    found = KSampler.validate_inputs(sampler, scheduler)
    assert found is True if answer is True else answer in found


def test_both_names_are_told_at_once():
    found = KSampler.validate_inputs("er_sde", "best")
    assert "er_sde" in found
    assert "best" in found


def test_uni_pc_leaves_a_level_out_and_begins_with_one_step():
    levels = ksampler_sigmas("uni_pc", "simple", 4, 3.0, 1.0)
    assert torch.equal(levels, simple_sigmas(5, 3.0)[[0, 1, 2, 3, 5]])
    state = torch.ones(1, 2, 1, 2, 2)
    made = SAMPLERS["uni_pc"](lambda x, sigma: 0 * x, state, torch.tensor([1.0, 0.0]))
    assert made.abs().max() < 2e-3
