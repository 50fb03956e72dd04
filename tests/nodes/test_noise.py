"""Frame Seeds, Mix Noise and Shift Noise: in place, at full strength, and clear when wrong."""

import pytest
import torch

from spacetime_video.nodes.latent.latents import SpacetimeEmptyVideo
from spacetime_video.nodes.sampling.noise import (
    SpacetimeFrameSeeds,
    SpacetimeMixNoise,
    SpacetimeNoise,
    SpacetimeShiftNoise,
)
from spacetime_video.nodes.sampling.sampling import SpacetimeSample


def noise(seed):
    return SpacetimeNoise.execute(seed)[0]


def latent(frames=17, size=64):
    return SpacetimeEmptyVideo.execute(size, size, frames, 16.0)[0]


def drawn(source, frames=17, **extras):
    return source.generate_noise({**latent(frames), **extras})


def mixed(share, first=3, second=4):
    return SpacetimeMixNoise.execute(noise(first), noise(second), share)[0]


def test_neutral_settings_give_the_bits_of_no_node(bench):
    guider, plain, sampler, sigmas = bench.parts()
    neutral = SpacetimeShiftNoise.execute(SpacetimeFrameSeeds.execute(plain, "")[0], 0)[0]
    neutral = SpacetimeMixNoise.execute(neutral, noise(99), 0.0)[0]
    one, other = (
        SpacetimeSample.execute(guider, each, sampler, sigmas, latent(5, 32))[0]["samples"]
        for each in (plain, neutral)
    )
    assert torch.equal(one, other)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.8, 1.0])
def test_mixed_noise_keeps_its_strength(share):
    made = torch.cat([drawn(mixed(share, seed, seed + 100)).flatten() for seed in range(8)])
    assert made.mean().item() == pytest.approx(0, abs=0.01)
    assert made.std().item() == pytest.approx(1, abs=0.01)


def test_a_mixture_goes_from_the_first_to_the_second():
    first = drawn(noise(3)).flatten()
    likeness = [
        torch.corrcoef(torch.stack([first, drawn(mixed(share)).flatten()]))[0, 1].item()
        for share in (0.0, 0.2, 0.5, 1.0)
    ]
    assert likeness == pytest.approx([1.0, 0.951, 0.707, 0.0], abs=0.02)


def test_equal_seeds_are_not_mixed():
    with pytest.raises(ValueError, match=r"both noises have the seed 3.*use two different seeds"):
        mixed(0.5, 3, 3)
    seeds = SpacetimeFrameSeeds.execute(noise(3), "1: 4")[0]
    with pytest.raises(ValueError, match="both noises have the seed 4"):
        SpacetimeMixNoise.execute(seeds, noise(4), 0.5)


def test_some_frames_get_other_seeds_and_the_others_stay():
    made = drawn(SpacetimeFrameSeeds.execute(noise(3), "0: 5, 2-3: 17")[0])
    for frame, seed in enumerate([5, 3, 17, 17, 3]):
        assert torch.equal(made[:, :, frame], drawn(noise(seed))[:, :, frame])


@pytest.mark.parametrize(("video_frames", "latent_frames"), [(5, 2), (13, 4)])
def test_a_shifted_part_sees_the_noise_of_its_place_in_the_clip(video_frames, latent_frames):
    """A part that begins at video frame 4 n + 1 begins at latent frame n + 1."""
    whole = drawn(noise(3), 33)
    part = drawn(SpacetimeShiftNoise.execute(noise(3), latent_frames)[0], video_frames)
    frames = part.shape[2]
    assert torch.equal(part, whole[:, :, latent_frames : latent_frames + frames])


def test_shift_and_seeds_follow_the_order_of_the_wires():
    """Shifted after the seeds, their frames move too."""
    seeds_first = SpacetimeShiftNoise.execute(SpacetimeFrameSeeds.execute(noise(3), "2: 9")[0], 2)[
        0
    ]
    assert torch.equal(drawn(seeds_first)[:, :, 0], drawn(noise(9))[:, :, 2])
    shift_first = SpacetimeFrameSeeds.execute(SpacetimeShiftNoise.execute(noise(3), 2)[0], "2: 9")[
        0
    ]
    assert torch.equal(drawn(shift_first)[:, :, 2], drawn(noise(9))[:, :, 2])
    assert torch.equal(drawn(shift_first)[:, :, 0], drawn(noise(3))[:, :, 2])


def test_noise_without_a_place_in_time_is_not_shifted():
    class HostNoise:
        seed = 1

    with pytest.raises(ValueError, match="HostNoise cannot be shifted in time: use the Noise node"):
        SpacetimeShiftNoise.execute(HostNoise(), 1)


@pytest.mark.parametrize(
    ("text", "answer"),
    [("0: 5, 3-4: 17", True), ("", True), (None, True), ("5", "'5' is not a frame with its seed")],
)
def test_a_text_is_read_before_the_graph_runs(text, answer):
    found = SpacetimeFrameSeeds.validate_inputs(text)
    assert found is True if answer is True else answer in found
