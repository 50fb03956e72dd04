"""Loops through the VAE of the standalone host: they are closed, and decoded as a stream."""

import pytest
import torch

from spacetime_video.media import FrameStream, frame_chunks
from spacetime_video.model_loaders.load import read_vae
from spacetime_video.nodes.video.video import SpacetimeDecodeVideo
from spacetime_video.toyworld import render
from spacetime_video.training.latents import training_scene
from spacetime_video.weights import bundled

LEVELS = 255


@pytest.fixture(scope="module")
def vae(standalone):
    return standalone.models.make_vae(read_vae(*bundled("vae").values()), dtype="fp32")


@pytest.fixture(scope="module")
def circles():
    """True loops of the toy world, (32, 64, 64, 3) each."""
    scenes = [training_scene(seed, 32, 16.0, loop=True) for seed in range(12)]
    return render(scenes, frames=32, height=64, width=64, fps=16.0).video


@pytest.fixture(scope="module")
def latent(standalone, vae, circles):
    with torch.inference_mode():
        return standalone.models.encode_video(vae, circles[0], loop=True)


def ratio(steps):
    """Of the wrap's step to the median of the inner ones in the same phase of the decoder."""
    phase = steps[3::4]
    return float(phase[-1] / phase[:-1].median())


def seam(frames):
    """Ratios of the first and the second difference at the wrap."""
    closed = torch.cat([frames, frames[:3]])
    steps = closed.diff(dim=0)[:32].abs().mean((1, 2, 3))
    bends = closed.diff(dim=0, n=2)[:32].abs().mean((1, 2, 3))
    return ratio(steps), ratio(bends)


@torch.inference_mode()
def test_a_decoded_loop_is_the_third_of_three_turns(standalone, vae, latent):
    loop = standalone.models.decode_video(vae, latent, loop=True)
    turns = standalone.models.decode_video(vae, torch.cat([latent] * 3, dim=2)).whole()
    assert loop.shape == (32, 64, 64, 3)
    assert float((loop.whole() - turns[-32:]).abs().max()) * LEVELS < 0.01
    open_clip = standalone.models.decode_video(vae, torch.cat([latent[:, :, -1:], latent], dim=2))
    assert float((loop.whole() - open_clip.whole()[1:]).abs().max()) * LEVELS > 1


@torch.inference_mode()
def test_a_rolled_loop_decodes_to_rolled_frames(standalone, vae, latent):
    both = torch.cat([latent, latent.roll(3, dims=2)])
    frames = standalone.models.decode_video(vae, both, loop=True).whole()
    assert frames.shape[0] == 64
    difference = (frames[32:] - frames[:32].roll(12, dims=0)).abs().max()
    assert float(difference) * LEVELS < 1e-3


@torch.inference_mode()
def test_a_rolled_loop_encodes_to_a_rolled_latent(standalone, vae, circles, latent):
    rolled = standalone.models.encode_video(vae, circles[0].roll(8, dims=0), loop=True)
    assert latent.shape == (1, 16, 8, 8, 8)
    assert float((rolled - latent.roll(2, dims=2)).abs().max()) < 1e-5


@torch.inference_mode()
def test_a_stream_encodes_as_its_frames_do(standalone, vae, circles, latent):
    stream = FrameStream(circles[0].shape, lambda: iter(circles[0].split(5)))
    torch.testing.assert_close(standalone.models.encode_video(vae, stream, loop=True), latent)


@torch.inference_mode()
def test_true_loops_stay_closed_through_the_vae(standalone, vae, circles):
    """Measured: 11 of 12, and 2 where one turn is decoded alone."""
    closed = alone = 0
    for clip in circles:
        code = standalone.models.encode_video(vae, clip, loop=True)
        found = seam(standalone.models.decode_video(vae, code, loop=True).whole())
        single = standalone.models.decode_video(vae, torch.cat([code[:, :, :1], code], dim=2))
        closed += all(0.7 <= each <= 1.3 for each in found)
        alone += all(0.7 <= each <= 1.3 for each in seam(single.whole()[1:]))
    assert closed >= 11
    assert alone <= 3


@torch.inference_mode()
def test_chunks_of_a_loop_come_as_they_are_made(standalone, vae, latent):
    """Of a long loop no more than a few latent frames are decoded for its first frames."""
    made, decode = [], vae.network.decode_chunk
    vae.network.decode_chunk = lambda part, *past: made.append(part.shape[2]) or decode(part, *past)
    try:
        stream = standalone.models.decode_video(vae, torch.cat([latent] * 20, dim=2), loop=True)
        next(frame_chunks(stream, 4))
        assert sum(made) < 40
        assert max(made) <= 4
    finally:
        del vae.network.decode_chunk


def test_decode_video_closes_latents_that_say_so(vae, latent):
    with torch.inference_mode():
        loop, rate = SpacetimeDecodeVideo.execute(
            {"samples": latent, "loop": True, "fps": 16.0}, vae
        ).args
        clip, _ = SpacetimeDecodeVideo.execute({"samples": latent}, vae).args
    assert (len(loop), len(clip), rate) == (32, 29, 16.0)


def test_frames_that_make_no_loop_are_refused(standalone, vae):
    with pytest.raises(ValueError, match=r"33 frames do not fit: use a multiple of 4 in a loop"):
        standalone.models.encode_video(vae, torch.zeros(33, 64, 64, 3), loop=True)
