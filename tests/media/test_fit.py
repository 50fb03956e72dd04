"""Clips brought to a size, a length and a frame rate."""

from fractions import Fraction

import pytest
import torch

from spacetime_video.media import MediaError
from spacetime_video.media.fit import Size, Steps, fit_clip, retimed

STEPS = Steps(side=16, frames=4)


def numbered(frames=9, height=32, width=48):
    """Frames whose red is their number and whose green and blue are the row and the column."""
    video = torch.zeros(frames, height, width, 3)
    video[..., 0] = torch.arange(frames)[:, None, None] / 100
    video[..., 1] = torch.arange(height)[:, None] / 100
    video[..., 2] = torch.arange(width) / 100
    return video


def numbers(video):
    return (video[:, 0, 0, 0] * 100).round().int().tolist()


@pytest.mark.parametrize(("frames", "fitting"), [(1, 1), (4, 1), (5, 5), (17, 17), (20, 17)])
def test_lengths_are_cut_to_what_fits(frames, fitting):
    assert STEPS.length(frames) == fitting


@pytest.mark.parametrize(
    ("given", "wanted", "how", "size"),
    [
        ((1080, 1920), (0, 0), "crop", (1072, 1920)),
        ((1080, 1920), (0, 0), "pad", (1088, 1920)),
        ((1080, 1920), (0, 0), "stretch", (1088, 1920)),
        ((1080, 1920), (0, 832), "crop", (464, 832)),
        ((1080, 1920), (480, 0), "crop", (480, 848)),
        ((1080, 1920), (481, 833), "crop", (480, 832)),
        ((10, 10), (0, 0), "crop", (16, 16)),
    ],
)
def test_sides_are_the_nearest_that_fit(given, wanted, how, size):
    assert STEPS.sides(Size(*given), Size(*wanted), how) == size


@pytest.mark.parametrize(
    ("rate", "new", "frames"),
    [
        (24, 24, [0, 1, 2, 3, 4, 5]),
        (24, 12, [0, 2, 4]),
        (24, 48, [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]),
        (30, 20, [0, 1, 3, 4]),
        (Fraction(24000, 1001), 23.976, [0, 1, 2, 3, 4, 5]),
        (24, 0.1, [0]),
    ],
)
def test_another_rate_takes_what_is_on_screen(rate, new, frames):
    assert retimed(6, rate, new) == frames


def test_what_fits_is_returned_as_it_is():
    video = numbered()
    clip, mask = fit_clip(video, None, range(9), 9, Size(32, 48), "crop")
    assert clip is video
    assert mask.shape == (9, 32, 48)
    assert not mask.any()


def test_trimmed_and_held_frames_are_marked():
    assert numbers(fit_clip(numbered(), None, range(2, 9), 5, Size(32, 48), "crop")[0]) == [
        2, 3, 4, 5, 6,
    ]  # fmt: skip
    clip, mask = fit_clip(numbered(3), None, range(3), 5, Size(32, 48), "crop")
    assert numbers(clip) == [0, 1, 2, 2, 2]
    assert mask.mean((1, 2)).tolist() == [0, 0, 0, 1, 1]


def test_cropping_keeps_the_middle_at_the_same_scale():
    clip, _ = fit_clip(numbered(1, 37, 53), None, [0], 1, Size(32, 48), "crop", scaled=False)
    assert torch.equal(clip, numbered(1, 37, 53)[:, 2:34, 2:50])


def test_a_clip_that_is_too_small_is_scaled_up():
    clip, mask = fit_clip(numbered(1, 10, 10), None, [0], 1, Size(16, 16), "crop", scaled=False)
    assert clip.shape == (1, 16, 16, 3)
    assert not mask.any()


def test_cropping_to_another_shape_scales_as_little_as_it_must():
    clip, mask = fit_clip(numbered(1, 64, 128), None, [0], 1, Size(32, 32), "crop")
    assert clip.shape == (1, 32, 32, 3)
    assert (clip[0, 0, [0, -1], 2] * 100).tolist() == pytest.approx([32.5, 94.5])
    assert not mask.any()


def test_bars_are_black_and_marked():
    clip, mask = fit_clip(numbered(1, 64, 128) + 0.1, None, [0], 1, Size(32, 32), "pad")
    bars = torch.ones(32, 32)
    bars[8:24] = 0
    assert torch.equal(mask[0], bars)
    assert torch.equal((clip[0] == 0).all(-1).float(), bars)


def test_stretching_uses_all_of_the_picture():
    clip, _ = fit_clip(numbered(1, 64, 128), None, [0], 1, Size(32, 32), "stretch")
    assert (clip[0, 0, [0, -1], 2] * 100).tolist() == pytest.approx([1.5, 125.5])


def test_masks_go_along():
    mask = torch.zeros(9, 16, 24)  # half of the clip's size
    mask[4, :, 12:] = 1
    _, fitted = fit_clip(numbered(), mask, [3, 4, 5], 5, Size(16, 24), "crop")
    assert fitted.mean((1, 2)).tolist() == pytest.approx([0, 0.5, 0, 1, 1], abs=0.02)
    assert fitted[1, :, 14:].min() == 1
    _, one = fit_clip(numbered(), mask[4:5], range(9), 9, Size(32, 48), "crop")
    assert one.shape == (9, 32, 48)
    with pytest.raises(ValueError, match="a mask of 2 frames for a clip of 9"):
        fit_clip(numbered(), mask[:2], range(9), 9, Size(32, 48), "crop")


def test_what_does_not_fit_into_memory_is_refused():
    with pytest.raises(MediaError, match="8193 frames of 8192x8192 needs"):
        fit_clip(numbered(), None, range(9), 8193, Size(8192, 8192), "crop")
