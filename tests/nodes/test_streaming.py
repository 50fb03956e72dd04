"""The standalone VAE works in chunks that tick, and equals the whole pass."""

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
    decoded = host.models.decode_video(loaded.vae, latent)
    assert steps[-1] == (12, 12)
    assert len(steps) >= 3
    expected = loaded.vae.network.decode(whole)[0].movedim(0, -1)
    torch.testing.assert_close(decoded, (expected / 2 + 0.5).clamp(0, 1), atol=1e-4, rtol=0)
