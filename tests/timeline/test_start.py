"""What models that animate an image are given, as ComfyUI's own nodes make it."""

import pytest
import torch

from spacetime_video.models.shapes import VideoShape
from spacetime_video.timeline import Timeline
from spacetime_video.timeline.plans import animated, edited
from spacetime_video.timeline.start import ClipPart, StartClip, start_clip

SIDE = 16


def noted(frames):
    noted.frames = frames
    return torch.zeros(1, 4, 1 + (len(frames) - 1) // 4, 2, 2)


def test_pictures_at_both_ends_are_given_and_all_else_is_grey():
    first, last = torch.rand(SIDE, SIDE, 3), torch.rand(SIDE, SIDE, 3)
    start = start_clip(animated(first, 9, 16.0, end=last), noted)
    assert torch.equal(noted.frames[0], first)
    assert torch.equal(noted.frames[8], last)
    assert torch.all(noted.frames[1:8] == 0.5)
    # as WanFirstLastFrameToVideo: the first frame four times, then each one's own
    assert start.made.shape == (1, 4, 3, 2, 2)
    assert start.made[0, :, :, 0, 0].tolist() == [[0, 1, 1], [0, 1, 1], [0, 1, 1], [0, 1, 0]]


def test_a_hole_is_grey_and_made_in_all_of_its_places():
    clip, change = torch.rand(5, SIDE, SIDE, 3), torch.zeros(1, SIDE, SIDE)
    change[:, 3:9, 12:] = 1
    start = start_clip(edited(clip, 16.0, change=change), noted)
    hole = change[0] == 1
    assert torch.all(noted.frames[:, hole] == 0.5)
    assert torch.equal(noted.frames[:, ~hole], clip[:, ~hole])
    assert start.made[0, 2, 1].tolist() == [[0, 1], [0, 1]]


def test_a_loop_is_refused():
    with pytest.raises(ValueError, match="use an open clip"):
        start_clip(Timeline(VideoShape(8, SIDE, SIDE), 16.0, 2, loop=True), noted)


def test_some_latent_frames_are_a_clip_of_their_own():
    first, last = torch.rand(SIDE, SIDE, 3), torch.rand(SIDE, SIDE, 3)
    made = start_clip(animated(first, 17, 16.0, end=last), noted, (0, 3, 4)).made
    assert torch.equal(noted.frames[0], first)
    assert torch.all(noted.frames[1:8] == 0.5)
    assert torch.equal(noted.frames[8], last)
    assert made[0, :, :, 0, 0].tolist() == [[0, 1, 1], [0, 1, 1], [0, 1, 1], [0, 1, 0]]
    start_clip(animated(first, 17, 16.0, end=last), noted, (4,))
    assert torch.equal(noted.frames, last[None])


def test_what_is_there_already_is_shown():
    part = ClipPart((0, 4, 5), 6, torch.tensor([False, True, False]), print)
    whole = StartClip(torch.rand(1, 4, 6, 2, 2), torch.ones(1, 1, 6, 2, 2))
    samples = torch.rand(1, 4, 3, 2, 2)
    shown = part.filled(part.cut(whole), samples)
    assert torch.equal(shown.latent[:, :, 1], samples[:, :, 1])
    assert torch.equal(shown.latent[:, :, ::2], whole.latent[:, :, [0, 5]])
    assert shown.made[0, 0, :, 0, 0].tolist() == [1, 0, 1]
    three = StartClip(whole.latent[:, :, :4], whole.made[:, :, :4])
    assert torch.equal(part.cut(three).latent, whole.latent[:, :, :3])
    refused = {
        r"start image of 2 latent frames for a clip of 6": (2, 2, 2),
        r"start image of 6 latent frames with a mask of 2": (6, 2, 2),
        r"start image of shape \(1, 4, 3, 3, 2\) for a latent": (6, 6, 3),
    }
    for problem, (frames, of_mask, rows) in refused.items():
        odd = StartClip(torch.rand(1, 4, frames, rows, 2), torch.ones(1, 1, of_mask, rows, 2))
        with pytest.raises(ValueError, match=problem):
            part.filled(part.cut(odd), samples)
