"""Seeds per frame, mixtures and shifts in time keep noise standard normal and in its place."""

import pytest
import torch

from spacetime_video.samplers.noise.frames import FrameNoise
from spacetime_video.samplers.noise.sources import (
    FrameSeeds,
    MixedNoise,
    ShiftedNoise,
    draw_noise,
    step_noise_of,
)
from spacetime_video.samplers.noise.steps import seeded_step_noise


class HostNoise:
    """A host's own noise: a seed and nothing per frame."""

    seed = 11

    def generate_noise(self, latent):
        return torch.full_like(latent["samples"], 2.0)


def latent(frames=6, size=4, **extras):
    return {"samples": torch.zeros(2, 3, frames, size, size), **extras}


EVERY_SOURCE = pytest.mark.parametrize(
    "source",
    [
        FrameNoise(3),
        FrameSeeds(FrameNoise(3), {2: 8, 4: 9}),
        MixedNoise(FrameNoise(3), FrameNoise(4), 0.3),
        ShiftedNoise(FrameNoise(3), 5),
        ShiftedNoise(MixedNoise(FrameNoise(3), FrameSeeds(FrameNoise(4), {7: 1}), 0.5), 2),
    ],
    ids=["frame", "seeds", "mixed", "shifted", "nested"],
)


@EVERY_SOURCE
@pytest.mark.parametrize("draw", [0, 3])
def test_is_standard_normal_and_white(source, draw):
    drawn = draw_noise(source, latent(8, 48), draw)
    assert drawn.mean().item() == pytest.approx(0, abs=0.02)
    assert drawn.std().item() == pytest.approx(1, abs=0.02)
    frames = drawn.transpose(1, 2).flatten(0, 1).flatten(1)
    assert (torch.corrcoef(frames) - torch.eye(16)).abs().max() < 0.06


@EVERY_SOURCE
@pytest.mark.parametrize("draw", [0, 3])
def test_a_window_sees_the_noise_of_its_frames(source, draw):
    whole = draw_noise(source, latent(9), draw)
    window = draw_noise(source, latent(4, first_frame=3), draw)
    assert torch.equal(whole[:, :, 3:7], window)


@EVERY_SOURCE
def test_rows_are_clips(source):
    both = draw_noise(source, latent(), 0)
    second = {"samples": torch.zeros(1, 3, 6, 4, 4), "batch_index": [1]}
    assert torch.equal(both[1:], draw_noise(source, second, 0))
    assert source.seed == 3


def test_frames_of_other_seeds():
    plain = FrameNoise(3).generate_noise(latent())
    made = FrameSeeds(FrameNoise(3), {2: 8, 40: 9}).generate_noise(latent())
    other = FrameNoise(8).generate_noise(latent())
    assert torch.equal(made[:, :, 2], other[:, :, 2])
    for frame in (0, 1, 3, 4, 5):
        assert torch.equal(made[:, :, frame], plain[:, :, frame])


def test_ends_of_a_mixture():
    first, second = FrameNoise(3), FrameNoise(4)
    start = MixedNoise(first, second, 0.0).generate_noise(latent())
    end = MixedNoise(first, second, 1.0).generate_noise(latent())
    assert torch.equal(start, first.generate_noise(latent()))
    assert torch.equal(end, second.generate_noise(latent()))


def test_shift_in_time():
    whole = FrameNoise(3).generate_noise(latent(9))
    shifted = ShiftedNoise(FrameNoise(3), 3).generate_noise(latent(6))
    assert torch.equal(shifted, whole[:, :, 3:])


def test_noise_after_a_step():
    steps = step_noise_of(FrameNoise(3), latent())
    assert torch.equal(steps(0), seeded_step_noise((2, 3, 6, 4, 4), seed=3)(0))
    assert not torch.equal(steps(0), steps(1))


def test_noise_of_a_host():
    noise = HostNoise()
    assert (draw_noise(noise, latent(), 0) == 2).all()
    assert torch.equal(draw_noise(noise, latent(), 2), FrameNoise(11).draw(latent(), 2))
    mixed = MixedNoise(noise, FrameNoise(1), 0.5).generate_noise(latent())
    assert mixed.mean().item() == pytest.approx(2**0.5, abs=0.1)
    with pytest.raises(ValueError, match="Noise node"):
        ShiftedNoise(noise, 2)


def test_what_cannot_be_mixed():
    with pytest.raises(ValueError, match="two different seeds"):
        MixedNoise(FrameNoise(1), FrameNoise(1), 0.5)
    for hidden in (
        MixedNoise(FrameNoise(3), FrameNoise(1), 0.5),
        FrameSeeds(FrameNoise(3), {2: 1}),
        ShiftedNoise(FrameNoise(1), 4),
    ):
        with pytest.raises(ValueError, match="both noises have the seed 1"):
            MixedNoise(hidden, FrameNoise(1), 0.5)
    with pytest.raises(ValueError, match="0 to 1"):
        MixedNoise(FrameNoise(1), FrameNoise(2), 1.5)


@EVERY_SOURCE
@pytest.mark.parametrize("draw", [0, 3])
def test_frames_in_the_batch_of_an_image_network_have_the_same_noise(source, draw):
    video = {"samples": torch.zeros(1, 3, 6, 4, 4)}
    images = {"samples": torch.zeros(6, 3, 4, 4)}
    drawn = draw_noise(source, images, draw)
    assert torch.equal(drawn, draw_noise(source, video, draw)[0].transpose(0, 1))
