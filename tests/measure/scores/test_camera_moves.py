"""How a camera moves, read from pixels."""

import pytest
import torch

from spacetime_video.measure.scores.camera_moves import read_camera
from spacetime_video.toyworld import SETTINGS, draw_scene, render
from spacetime_video.toyworld.camera import CAMERA_MOTIONS


def test_every_move_is_read_in_every_setting() -> None:
    wrong = []
    for number, motion in enumerate(CAMERA_MOTIONS):
        settings = [list(SETTINGS)[(number + n) % len(SETTINGS)] for n in range(2)]
        scenes = [
            draw_scene(
                950_000_100 + number,
                kind="single",
                motion="stays still",
                camera=motion,
                setting=setting,
            )
            for setting in settings
        ]
        clips = render(scenes, frames=17, height=64, width=64).video
        read = [read_camera(clip) for clip in clips]
        wrong += [(motion, *each) for each in zip(settings, read, strict=True) if each[1] != motion]
    assert wrong == []


def test_a_moving_object_is_no_moving_camera() -> None:
    scene = draw_scene(950_000_200, kind="single", motion="moves left")
    assert read_camera(render([scene], frames=17, height=64, width=64).video[0]) == "still"


def test_a_picture_shows_no_motion() -> None:
    with pytest.raises(ValueError, match="1 frames shows no motion"):
        read_camera(torch.zeros(1, 64, 64, 3))
