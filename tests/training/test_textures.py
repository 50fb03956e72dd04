"""Procedural pictures for the VAE."""

import pytest
import torch

from spacetime_video.training.textures import CANVAS, texture_pool, wandering_clips


@pytest.fixture(scope="module")
def pool() -> torch.Tensor:
    return texture_pool(4, seed=3)


def test_pictures_repeat_with_their_seed_and_fill_the_range(pool):
    assert pool.shape == (4, 3, CANVAS, CANVAS)
    assert torch.equal(pool[:2], texture_pool(2, seed=3))
    assert not torch.equal(pool[:1], texture_pool(1, seed=4))
    assert pool.abs().max() <= 1
    assert pool.flatten(1).std(dim=1).min() > 0.1


def test_noise_falls_with_frequency(pool):
    noise = pool[0].mean(dim=0)
    power = torch.fft.rfft2(noise - noise.mean()).abs()
    assert power[1:5, 1:5].mean() > 4 * power[40:60, 40:60].mean()


def test_clips_wander_over_the_pictures(pool):
    clips = wandering_clips(pool, 24, (9, 32, 48), torch.Generator().manual_seed(1))
    assert clips.shape == (24, 3, 9, 32, 48)
    still = (clips[:, :, 0] - clips[:, :, -1]).flatten(1).abs().amax(1) < 1e-4
    assert 2 <= still.sum() <= 16


def test_a_still_picture_is_one_frame(pool):
    assert wandering_clips(pool, 2, (1, 16, 16), torch.Generator()).shape == (2, 3, 1, 16, 16)
