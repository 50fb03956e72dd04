"""Noise masks: one for all, one per latent frame, or one per frame of the video."""

import pytest
import torch

from spacetime_video.samplers.masks import latent_mask, per_latent_frame, stretched


def test_a_latent_frame_is_made_where_any_of_its_frames_is():
    mask = torch.zeros(17, 2, 2)
    mask[0], mask[4, 0, 0], mask[13] = 1, 1, 0.5
    result = per_latent_frame(mask, 5, 4)
    assert result.shape == (1, 1, 5, 2, 2)
    assert result[0, 0, :, 0, 0].tolist() == [1, 1, 0, 0, 0.5]
    assert result[0, 0, :, 1, 1].tolist() == [1, 0, 0, 0, 0.5]


@pytest.mark.parametrize("shape", [(17, 4, 4), (17, 1, 4, 4), (1, 1, 17, 4, 4)])
def test_the_first_frame_alone_can_be_kept(shape):
    mask = torch.ones(17, 4, 4)
    mask[0] = 0
    places = latent_mask(mask.reshape(shape), torch.zeros(2, 16, 5, 2, 2), 4)
    assert places.shape == (2, 5, 2, 2)
    assert places.mean((0, 2, 3)).tolist() == [0, 1, 1, 1, 1]


@pytest.mark.parametrize("frames", [1, 5])
def test_one_for_all_and_one_per_latent_frame_stay(frames):
    mask = torch.rand(frames, 4, 4, generator=torch.Generator().manual_seed(0))
    assert torch.equal(per_latent_frame(mask, 5, 4)[0, 0], mask)


@pytest.mark.parametrize("frames", [2, 16, 18, 20])
def test_other_lengths_are_refused(frames):
    with pytest.raises(ValueError, match=f"mask of {frames} frames for a clip of 17 frames"):
        per_latent_frame(torch.ones(frames, 4, 4), 5, 4)


def test_a_mask_is_stretched_as_comfyui_does_it():
    mask = torch.zeros(6, 4, 4)
    mask[4:] = 1
    made = stretched(mask, torch.zeros(1, 16, 3, 2, 2))
    assert made.shape == (1, 1, 3, 2, 2)
    assert made[0, 0, :, 0, 0].tolist() == [0, 0, 1]
    assert torch.equal(latent_mask(made, torch.zeros(1, 16, 3, 2, 2), 4), made[:, 0])
