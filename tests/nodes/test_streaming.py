"""The standalone VAE works in chunks that tick, and equals the whole pass."""

import pytest
import torch

from spacetime_video.hosts.standalone.host import StandaloneHost
from spacetime_video.models.shapes import VideoShape
from spacetime_video.nodes.video.world import SpacetimeExampleClip


def test_encoding_and_decoding_tick_and_equal_the_whole_pass(loaded):
    steps = []
    host = StandaloneHost(device="cpu", dtype="fp32", progress=lambda *step: steps.append(step))
    shape = VideoShape(45, 16, 32)
    images = SpacetimeExampleClip.execute(0, shape.width, shape.height, shape.frames, 16.0)[0]
    latent = host.models.encode_video(loaded.vae, images)
    assert steps == [(0, 45), (5, 45), (21, 45), (37, 45), (45, 45)]
    steps.clear()
    video = images.movedim(-1, 0)[None] * 2 - 1
    whole = loaded.vae.network.encode(video)
    torch.testing.assert_close(latent, whole, atol=1e-4, rtol=1e-4)
    decoded = host.models.decode_video(loaded.vae, latent).whole()
    assert steps[-1] == (12, 12)
    assert len(steps) >= 3
    expected = loaded.vae.network.decode(whole)[0].movedim(0, -1)
    torch.testing.assert_close(decoded, (expected / 2 + 0.5).clamp(0, 1), atol=1e-4, rtol=0)


def test_decoded_frames_are_encoded_while_they_are_decoded(loaded):
    steps = []
    host = StandaloneHost(device="cpu", dtype="fp32", progress=lambda *step: steps.append(step))
    drawn = torch.randn(1, 16, 12, 2, 4, generator=torch.Generator().manual_seed(0))
    encoded = host.models.encode_video(loaded.vae, host.models.decode_video(loaded.vae, drawn))
    assert steps[:4] == [(0, 45), (4, 12), (5, 45), (8, 12)]
    held = host.models.decode_video(loaded.vae, drawn).whole()
    assert held.shape == (45, 16, 32, 3)
    assert torch.equal(encoded, host.models.encode_video(loaded.vae, held))


def test_clips_of_a_batch_follow_each_other(loaded):
    host = StandaloneHost(device="cpu", dtype="fp32")
    drawn = torch.randn(2, 16, 6, 2, 2, generator=torch.Generator().manual_seed(0))
    both = host.models.decode_video(loaded.vae, drawn)
    assert both.shape == (42, 16, 16, 3)
    alone = [host.models.decode_video(loaded.vae, clip[None]).whole() for clip in drawn]
    torch.testing.assert_close(both.whole(), torch.cat(alone), atol=1e-4, rtol=0)


def test_a_latent_of_another_vae_is_refused_before_it_is_decoded(loaded):
    with pytest.raises(ValueError, match=r"use \(B, 16, f, h, w\) with f of 1 or more"):
        StandaloneHost(device="cpu").models.decode_video(loaded.vae, torch.zeros(1, 48, 3, 2, 2))
