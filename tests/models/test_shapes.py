"""Frames and pixels to latent positions, and back."""

import pytest

from spacetime_video.models.shapes import Compression, LatentShape, VideoShape

WAN = Compression(time=4, space=8)


def test_sizes_come_back():
    for frames in (1, 5, 17):
        video = VideoShape(frames, 64, 96)
        WAN.check(video)
        assert WAN.video_shape(WAN.latent_shape(video)) == video
    assert WAN.latent_shape(VideoShape(8, 70, 9)) == LatentShape(2, 8, 1)


def test_in_a_loop_every_latent_frame_is_like_every_other():
    assert WAN.video_shape(LatentShape(1, 1, 1), loop=True).frames == 4
    assert WAN.video_shape(LatentShape(5, 1, 1), loop=True).frames == 20
    assert WAN.video_shape(LatentShape(5, 1, 1)).frames == 17


@pytest.mark.parametrize(
    ("video", "words"),
    [
        (VideoShape(16, 64, 64), r"16 frames.*13 or 17"),
        (VideoShape(0, 64, 64), r"0 frames.*1 or 5"),
        (VideoShape(17, 60, 64), r"height 60.*48 or 64"),
        (VideoShape(17, 64, 8), r"width 8.*16 or 32"),
    ],
)
def test_what_does_not_fit_is_told_the_nearest_sizes(video, words):
    with pytest.raises(ValueError, match=words):
        WAN.check(video, patch=2)
