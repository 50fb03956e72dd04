"""Means over clips and frames are the same for a latent and for its packed tokens."""

import pytest
import torch

from spacetime_video.models.patchify import patchify, to_patches
from spacetime_video.samplers.regions import LATENT, TokenRegions


def clip(frames, rows, columns, seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(2, 4, frames, rows, columns, generator=generator, dtype=torch.float64)


@pytest.fixture
def clips():
    return [clip(5, 4, 6, 0), clip(1, 2, 2, 1), clip(3, 2, 4, 2)]


@pytest.mark.parametrize("name", ["clip_mean", "frame_mean"])
@pytest.mark.parametrize("masked", [False, True])
def test_tokens_equal_latents(name, masked, clips):
    tokens = patchify(clips)
    regions = TokenRegions(tokens.layout)
    made = [torch.rand(2, 1, *c.shape[2:]).repeat_interleave(1, 1) > 0.4 for c in clips]
    made = [m[:, :, :, ::2, ::2].repeat_interleave(2, 3).repeat_interleave(2, 4) for m in made]
    token_made = patchify([m.double() for m in made]).values[:, :, :1] > 0
    mean = getattr(regions, name)(tokens.values, token_made if masked else None)
    for c, m, span in zip(clips, made, tokens.layout.spans, strict=True):
        latent_mean = getattr(LATENT, name)(c, m if masked else None)
        wanted = to_patches(latent_mean.expand_as(c))
        torch.testing.assert_close(mean[:, span].expand_as(wanted), wanted)


def test_position_goes_from_first_to_last_frame(clips):
    tokens = patchify(clips)
    places = TokenRegions(tokens.layout).position(tokens.values)
    for c, span in zip(clips, tokens.layout.spans, strict=True):
        wanted = LATENT.position(c)
        assert wanted.flatten().tolist() == torch.linspace(0, 1, c.shape[2]).tolist()
        spread = to_patches(wanted.expand(1, 1, *c.shape[2:]))[..., :1]
        torch.testing.assert_close(places[:, span], spread)


def test_frames_along_the_batch():
    images = torch.randn(5, 4, 2, 2)
    assert LATENT.position(images).shape == (5, 1, 1, 1)
    assert LATENT.frame_mean(images).shape == (5, 1, 1, 1)


def test_mean_of_nothing_is_zero():
    values = torch.full((1, 2, 3, 2, 2), 7.0)
    assert not LATENT.clip_mean(values, torch.zeros(1, 1, 3, 2, 2, dtype=torch.bool)).any()


def test_values_that_do_not_count_may_be_anything():
    values = torch.ones(1, 1, 2, 1, 1)
    values[:, :, 0] = float("nan")
    made = torch.tensor([False, True]).reshape(1, 1, 2, 1, 1)
    assert LATENT.clip_mean(values, made).item() == 1
