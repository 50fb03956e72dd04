"""What is given, through the shipped VAE: latents as of the whole clip, endings all alike."""

import pytest
import torch

from spacetime_video.model_loaders.load import build_vae, read_vae
from spacetime_video.timeline import latent_of
from spacetime_video.timeline.plans import connected, edited, extended_backward, extended_forward
from spacetime_video.toyworld import draw_scene, render
from spacetime_video.weights import bundled


@pytest.fixture(scope="module")
def vae():
    return build_vae(read_vae(next(iter(bundled("vae").values()))))


@pytest.fixture(scope="module")
def clip():
    scene = draw_scene(5, kind="single", motion="moves right")
    return render([scene], frames=41, height=64, width=64, fps=16.0).video[0]


@pytest.fixture
def encode(vae):
    def encode(frames):
        with torch.inference_mode():
            return vae.encode(frames.movedim(-1, 0)[None] * 2 - 1)

    return encode


def off(one, other):
    return float((one - other).square().mean().sqrt())


def test_a_beginning_is_encoded_as_in_the_whole_clip(encode, clip):
    latent = latent_of(extended_forward(clip[:9], 8, 16.0, context=9), encode, 16)
    torch.testing.assert_close(latent["samples"][:, :, :3], encode(clip)[:, :, :3])
    assert latent["noise_mask"][0, 0, :, 0, 0].tolist() == [0, 0, 0, 1, 1]


def test_an_ending_is_encoded_nearly_as_in_the_whole_clip(encode, clip):
    timeline = connected(clip[:9], clip[25:], 16, 16.0, context=9)
    samples, true = latent_of(timeline, encode, 16)["samples"], encode(clip)
    deviation = float(true.std())
    for frame, most in ((7, 0.03), (8, 0.02)):
        assert off(samples[:, :, frame], true[:, :, frame]) < most * deviation
    cold = encode(clip[25:34])
    assert off(cold[:, :, 0], true[:, :, 7]) > 0.1 * deviation, "a first frame is another thing"


def test_an_ending_is_the_same_whatever_comes_before(encode, clip):
    one = connected(clip[:9], clip[25:], 16, 16.0, context=9)
    two = connected(clip[3:4], clip[25:], 12, 16.0, context=9)
    three = extended_backward(clip[25:], 8, 16.0, context=9)
    endings = [latent_of(each, encode, 16)["samples"][:, :, -2:] for each in (one, two, three)]
    assert torch.equal(endings[0], endings[1])
    assert torch.equal(endings[0], endings[2])


@pytest.mark.parametrize("frames", [1, 2, 3, 4, 5])
def test_so_it_is_after_a_short_transition(encode, clip, frames):
    """The encoder's warm-up reaches back further than the transition."""
    made = [
        latent_of(connected(each, clip[25:], frames, 16.0, context=9), encode, 16)["samples"]
        for each in (clip[:9], clip[9:18].flip(2))
    ]
    assert torch.equal(made[0][:, :, -1], made[1][:, :, -1])


def test_what_is_made_anew_does_not_shine_through(encode, clip):
    change = torch.zeros(1, 64, 64)
    change[:, 16:48, 16:48] = 1
    other = clip.clone()
    other[:, 16:48, 16:48] = torch.rand(41, 32, 32, 3)
    one, two = (latent_of(edited(each, 16.0, change=change), encode, 16) for each in (clip, other))
    assert torch.equal(one["samples"], two["samples"])


def test_nor_do_frames_that_are_made_anew_wholly(encode, clip):
    """The encoder looks back on frames before those that it encodes."""
    change = torch.zeros(41, 1, 1).expand(41, 64, 64).clone()
    change[5:17] = 1
    change[17:, 16:48, 16:48] = 1
    other = clip.clone()
    other[5:17] = torch.rand(12, 64, 64, 3)
    one, two = (latent_of(edited(each, 16.0, change=change), encode, 16) for each in (clip, other))
    assert torch.equal(one["samples"], two["samples"])
