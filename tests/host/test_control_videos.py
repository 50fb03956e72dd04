"""Control videos of ComfyUI's own models under Sample, Context Windows and Sample Long Video.

VACE takes them beside its state, Wan Fun Control in further channels of it.
"""

import pytest


@pytest.fixture(scope="module")
def measured(probe):
    return probe("control_videos", "sdpa")


@pytest.fixture(params=["vace", "fun"])
def seen(measured, request):
    return measured[request.param]


def test_a_whole_clip_sees_the_whole_control_video(seen):
    assert seen["whole"]
    assert all(each == [9, list(range(9))] for each in seen["whole"])


def test_a_window_sees_the_control_frames_of_its_own(seen):
    shown = [tuple(numbers) for frames, numbers in seen["windows"] if frames == 4]
    assert len(shown) == len(seen["windows"])
    assert all(list(each) == list(range(each[0], each[0] + 4)) for each in shown)
    assert {each[0] for each in shown} >= {0, 5}


def test_a_chunk_of_a_long_video_sees_the_control_frames_of_its_own(seen):
    """The first frame stays in view of every chunk, which goes on a chunk later."""
    shown = {tuple(numbers) for _, numbers in seen["long"]}
    assert (0, 1, 2, 3, 4) in shown
    assert all(frames == len(numbers) for frames, numbers in seen["long"])
    later = [each for each in shown if max(each) == 8]
    assert later
    assert all(each[0] == 0 and list(each[1:]) == sorted(set(each[1:])) for each in later)


def test_a_control_video_of_another_length_is_refused(measured):
    assert "a control video of 9 latent frames for a clip of 5" in measured["vace"]["refused"]
