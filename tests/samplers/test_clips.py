"""Clips and their windows: the same for a latent and for packed tokens."""

import pytest
import torch

from spacetime_video.models.patchify import patchify, unpatchify
from spacetime_video.models.shapes import WAN_COMPRESSION, LatentShape
from spacetime_video.samplers.clips import Clip, Clips, clip_of

NAMES = ("fps", "height", "width", "duration", "loop")


def state(frames, rows=2, columns=4):
    generator = torch.Generator().manual_seed(frames)
    return torch.randn(1, 3, frames, rows, columns, generator=generator)


def clip(frames, **options):
    return Clip(size=LatentShape(frames, 2, 4), fps=16.0, **options)


def packed(clips):
    tokens = patchify([state(each.size.frames) for each in clips], loops=[c.loop for c in clips])
    return tokens, Clips(tuple(clips), tokens.layout)


def test_a_latent_says_what_its_clip_is():
    made = clip_of({"fps": 8.0, "loop": True, "first_frame": 3}, state(5), WAN_COMPRESSION)
    assert made == Clip(size=LatentShape(5, 2, 4), fps=8.0, loop=True, first_frame=3)
    assert made.frames == (3, 4, 5, 6, 7)
    assert clip_of({}, state(5), WAN_COMPRESSION).fps is None


def test_a_window_is_told_its_own_duration():
    """Nine latent frames at 16 a second are 2.06 seconds, five of them 1.06."""
    whole = Clips((clip(9),))
    sigma = torch.ones(2)
    assert whole.conditions(NAMES, sigma)["duration"].tolist() == [33 / 16] * 2
    assert whole.window(range(4, 9)).conditions(NAMES, sigma)["duration"].tolist() == [17 / 16] * 2


def test_a_window_keeps_its_place_in_the_clip():
    window = Clips((clip(9),)).window(range(4, 9))
    places = window.regions.position(state(5))
    assert places.flatten().tolist() == [0.5, 0.625, 0.75, 0.875, 1.0]
    assert places.shape == (1, 1, 5, 1, 1)


def test_windows_of_tokens_equal_windows_of_latents():
    clips = [clip(9), clip(5, first_frame=2)]
    tokens, run = packed(clips)
    frames = (4, 5, 6)
    window = run.window(frames)
    cut = run.take(tokens.values, run.find(frames))
    alone = patchify([state(9)[:, :, 4:7], state(5)[:, :, 2:5]])
    assert torch.equal(cut, alone.values)
    assert torch.equal(window.layout.coordinates, alone.layout.coordinates)
    assert torch.equal(window.layout.clip_ids, alone.layout.clip_ids)
    places = window.regions.position(cut)[0, :, 0].unique_consecutive()
    assert places.tolist() == [0.5, 0.625, 0.75, 0.5, 0.75, 1.0]
    told = window.conditions(NAMES, torch.ones(1))
    assert told["duration"].tolist() == [[9 / 16] * 2]


def test_a_clip_without_any_of_the_frames_is_left_out():
    tokens, run = packed([clip(2), clip(9)])
    window = run.window(range(4, 9))
    assert [each.frames for each in window.each] == [(4, 5, 6, 7, 8)]
    assert window.layout.loop_frames == (0,)
    cut = run.take(tokens.values, run.find(range(4, 9)))
    assert torch.equal(cut, patchify([state(9)[:, :, 4:]]).values)


def test_the_middle_is_that_of_what_is_made():
    """In frames of the video: nine latent frames are 33, of which the first is one."""
    mask = torch.ones(1, 1, 9, 1, 1)
    mask[:, :, :5] = 0
    whole = clip_of({}, state(9), WAN_COMPRESSION)
    loop = clip_of({"loop": True}, state(6), WAN_COMPRESSION)
    part = clip_of({"noise_mask": mask, "first_frame": 10}, state(9), WAN_COMPRESSION)
    given = clip_of({"noise_mask": 0 * mask}, state(9), WAN_COMPRESSION)
    middles = {
        "whole": (whole, 16.5),
        "window": (whole.window(range(4, 8)), 21.0),
        "first": (whole.window((0, 1)), 2.5),
        "loop": (loop, 12.0),
        "loop cut open": (loop.window((5, 3, 4, 5, 0, 1, 2, 3)), 12.0),
        "over the end": (loop.window((4, 5, 0)), 22.0),
        "made": (part, 65.0),
        "made in a window": (part.window(range(12, 17)), 61.0),
        "a window of given frames": (part.window(range(10, 12)), 41.0),
        "all given": (given, 16.5),
    }
    found = {name: each.middle for name, (each, _) in middles.items()}
    assert found == {name: middle for name, (_, middle) in middles.items()}
    assert (part.made_from, part.made_until) == (57, 73)


def test_a_window_of_a_loop_has_two_ends():
    tokens, run = packed([clip(6, loop=True)])
    frames = (4, 5, 0, 1)
    window = run.window(frames)
    assert not window.each[0].closed
    assert window.layout.loop_frames == (0,)
    assert window.layout.coordinates[:, 0].unique_consecutive().tolist() == [0, 1, 2, 3]
    (cut,) = unpatchify(
        type(tokens)(
            run.take(tokens.values, run.find(frames)), window.layout, (window.each[0].shape,)
        )
    )
    assert torch.equal(cut, state(6)[:, :, list(frames)])
    assert window.conditions(NAMES, torch.ones(1))["loop"].item() == 0
    assert run.window(range(6)) is run


def test_a_window_of_a_window_counts_in_the_run():
    whole = Clips((clip(9, first_frame=10),))
    inner = whole.window(range(12, 19)).window((14, 15))
    x = state(9)
    assert torch.equal(whole.take(x, inner.index), x[:, :, 4:6])
    assert inner.regions.position(x[:, :, 4:6]).flatten().tolist() == [0.5, 0.625]


def test_the_same_window_is_the_same_object():
    run = Clips((clip(9),))
    assert run.window(range(4)) is run.window([0, 1, 2, 3])


@pytest.mark.parametrize("clips", [Clips((clip(3),)), packed([clip(3), clip(2)])[1]])
def test_frames_that_are_nowhere(clips):
    with pytest.raises(ValueError, match=r"frames \[7, 8\]: this run has \[0, 1, 2\]"):
        clips.window((7, 8))
