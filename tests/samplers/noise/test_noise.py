"""Noise belongs to the absolute frame, and is noise."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spacetime_video.samplers.noise.frames import FrameNoise, frame_noise

SHAPE = (4, 6, 8, 8)


def correlation(a, b):
    return torch.corrcoef(torch.stack([a.flatten(), b.flatten()]))[0, 1].abs().item()


def test_never_changes():
    drawn = frame_noise((16, 2, 8, 8), seed=0)
    first = [0.444856, -1.129547, -0.139557, -0.102909, 1.367409, -0.354077]
    assert drawn[0, :, 0, :3].flatten().tolist() == pytest.approx(first, abs=2e-6)
    assert drawn[15, 1, 7, 7].item() == pytest.approx(0.796728, abs=2e-6)
    other = frame_noise((2, 3, 2, 4), seed=7, first_frame=-1, clip=2)
    corner = [0.1668, -0.1483, -1.4772, -1.8716, -1.2967, -0.0702]
    assert other[:, :, 0, 0].flatten().tolist() == pytest.approx(corner, abs=1e-4)


def test_a_longer_run_begins_alike():
    assert torch.equal(frame_noise((4, 9, 8, 8), seed=3)[:, :6], frame_noise(SHAPE, seed=3))


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(-(2**63), 2**64 - 1),
    first=st.integers(-50, 10_000),
    offset=st.integers(0, 5),
    clip=st.integers(0, 9),
)
def test_a_window_sees_the_noise_of_its_frames(seed, first, offset, clip):
    whole = frame_noise(SHAPE, seed=seed, first_frame=first, clip=clip)
    window = frame_noise((4, 6 - offset, 8, 8), seed=seed, first_frame=first + offset, clip=clip)
    assert torch.equal(whole[:, offset:], window)


@pytest.mark.parametrize(
    "change",
    [{"seed": 1}, {"seed": 2**32}, {"seed": -1}, {"clip": 1}, {"first_frame": 6}],
    ids=str,
)
def test_other_seeds_clips_and_frames_are_unrelated(change):
    plain = frame_noise((4, 6, 32, 32), seed=0)
    other = frame_noise((4, 6, 32, 32), **{"seed": 0, **change})
    assert correlation(plain, other) < 0.03


def test_shifted_seeds_do_not_share_frames():
    drawn = [frame_noise((1, 8, 4, 4), seed=s, clip=c) for s in range(4) for c in range(4)]
    frames = torch.cat(drawn, dim=1)[0].flatten(1)
    assert len({tuple(frame.tolist()) for frame in frames}) == 4 * 4 * 8


def test_is_standard_normal_and_white():
    drawn = frame_noise((16, 16, 32, 32), seed=11).flatten()
    assert drawn.dtype == torch.float32
    assert drawn.mean().item() == pytest.approx(0, abs=0.01)
    assert drawn.std().item() == pytest.approx(1, abs=0.01)
    assert (drawn**4).mean().item() == pytest.approx(3, abs=0.05)
    frames = frame_noise((16, 8, 32, 32), seed=11).transpose(0, 1).flatten(1)
    off_diagonal = torch.corrcoef(frames) - torch.eye(8)
    assert off_diagonal.abs().max() < 0.03


def test_does_not_touch_the_global_generator():
    before = torch.random.get_rng_state()
    frame_noise(SHAPE, seed=5)
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize("shape", [(4, 8, 8), (1, 4, 6, 8, 8), (4, 0, 8, 8)])
def test_wrong_shapes(shape):
    with pytest.raises(ValueError, match="channels, frames"):
        frame_noise(shape, seed=0)


def test_frames_in_the_batch_of_an_image_network_are_those_of_the_first_clip():
    video = {"samples": torch.zeros(1, 4, 6, 8, 8), "first_frame": 2}
    images = {"samples": torch.zeros(6, 4, 8, 8), "first_frame": 2, "batch_index": [5] * 6}
    drawn = FrameNoise(3).generate_noise(images)
    assert torch.equal(drawn, FrameNoise(3).generate_noise(video)[0].transpose(0, 1))
    assert drawn.shape == images["samples"].shape
