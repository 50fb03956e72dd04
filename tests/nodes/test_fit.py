"""Fit Video in a graph: sizes from a VAE or a latent, and what the refusals point to."""

import pytest
import torch

from spacetime_video.hosts import host
from spacetime_video.hosts.standalone.stock_latent import SetLatentNoiseMask
from spacetime_video.models.latent_format import WAN22_LATENT
from spacetime_video.nodes.helpers.sizes import check_frames
from spacetime_video.nodes.latent.latents import SpacetimeEmptyVideo
from spacetime_video.nodes.video.fit import SpacetimeFitVideo
from spacetime_video.nodes.video.video import SpacetimeEncodeVideo


def clip(frames=20, height=50, width=70):
    return torch.rand(frames, height, width, 3, generator=torch.Generator().manual_seed(0))


def test_the_defaults_make_any_clip_fit(loaded):
    with pytest.raises(ValueError, match=r"20 frames do not fit.* The Fit Video node makes"):
        SpacetimeEncodeVideo.execute(clip(), loaded.vae)
    images, mask, fps, width, height, frames = SpacetimeFitVideo.execute(clip()).args
    assert (width, height, frames, fps) == (64, 48, 17, 16.0)
    assert images.shape == (17, 48, 64, 3)
    assert torch.equal(images, clip()[:17, 1:49, 3:67])
    assert (mask.shape, mask.sum()) == ((17, 48, 64), 0)
    latent = SpacetimeEncodeVideo.execute(images, loaded.vae)[0]["samples"]
    assert latent.shape == SpacetimeEmptyVideo.execute(width, height, frames)[0]["samples"].shape


def test_what_fits_is_left_alone():
    images = clip(17, 48, 64)
    assert SpacetimeFitVideo.execute(images)[0] is images


def test_a_vaes_own_multiples_are_followed(monkeypatch):
    monkeypatch.setattr(host().models, "vae_format", lambda vae: WAN22_LATENT)
    images = SpacetimeFitVideo.execute(clip(6, 70, 100), vae="wan")[0]
    assert images.shape == (5, 64, 96, 3)
    check_frames(images, WAN22_LATENT)


def test_a_latent_gives_size_length_and_rate():
    latent = SpacetimeEmptyVideo.execute(96, 64, 9, 12.0)[0]
    images, mask, fps, *size = SpacetimeFitVideo.execute(
        clip(30), how="pad", fps=24.0, latent=latent
    ).args
    assert (size, fps) == ([96, 64, 9], 12.0)
    assert images.shape == (9, 64, 96, 3)
    assert mask[:, 0, :3].all()
    other = SpacetimeFitVideo.execute(clip(30), how="pad", fps=12.0, latent=latent)[0]
    assert not torch.equal(images, other)
    with pytest.raises(ValueError, match="not a video latent"):
        SpacetimeFitVideo.execute(clip(), latent={"samples": torch.zeros(1, 4, 8, 8)})


def test_a_longer_clip_is_asked_for_from_a_later_start():
    images, mask, *_ = SpacetimeFitVideo.execute(clip(10, 16, 16), frames=9, start=5).args
    assert torch.equal(images[:5], clip(10, 16, 16)[5:])
    assert torch.equal(images[5:], clip(10, 16, 16)[9:].expand(4, -1, -1, -1))
    assert mask.mean((1, 2)).tolist() == [0] * 5 + [1] * 4
    with pytest.raises(ValueError, match="start=10: the clip has 10 frames"):
        SpacetimeFitVideo.execute(clip(10, 16, 16), start=10)


def test_a_clip_that_is_too_short_is_gone_on_with_by_its_mask(bench):
    images, mask, fps, *_ = SpacetimeFitVideo.execute(clip(9, 32, 32), frames=17).args
    given = SpacetimeEncodeVideo.execute(images, bench.models.vae, fps)[0]
    made = bench.sample(SetLatentNoiseMask.execute(given, mask)[0])["samples"]
    assert torch.equal(made[:, :, :3], given["samples"][:, :, :3])
    assert (made - given["samples"])[:, :, 3:].abs().mean() > 0.1
