"""Which stream is the video, and how long it lasts at a variable rate."""

from fractions import Fraction

import pytest

from spacetime_video.media import probe_video

from .videos import covered, read_all, write_at

UNEVEN = [0, 1, 2, 5, 6, 9]


def greys(video):
    return (video[:, 0, 0, 0] * 255 / 20).round().int().tolist()


def test_a_cover_picture_is_not_the_video(tmp_path):
    covered(tmp_path / "a.mp4")
    assert probe_video(tmp_path / "a.mp4").width == 32
    assert greys(read_all(tmp_path / "a.mp4")) == [0, 1, 2, 3]


@pytest.mark.parametrize("name", ["a.mkv", "a.mp4"])
def test_a_variable_rate_is_noticed_and_made_constant(tmp_path, name):
    write_at(tmp_path / name, UNEVEN)
    info = probe_video(tmp_path / name)
    assert (info.variable, info.fps) == (True, 10)
    frames = read_all(tmp_path / name, fps=info.fps)
    assert greys(frames) == [0, 1, 2, 2, 2, 3, 4, 4, 4, 5]


@pytest.mark.parametrize("fps", [10, 24, Fraction(30000, 1001), 60])
@pytest.mark.parametrize("name", ["a.mkv", "a.mp4", "a.ts"])
def test_a_constant_rate_is_left_alone(tmp_path, name, fps):
    write_at(tmp_path / name, range(12), fps=fps)
    info = probe_video(tmp_path / name)
    assert not info.variable
    assert float(info.fps) == pytest.approx(float(fps), rel=0.02)
