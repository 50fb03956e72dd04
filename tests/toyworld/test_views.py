import math

import pytest
import torch

from spacetime_video.toyworld import Actions, Scene, SceneObject
from spacetime_video.toyworld.camera import Camera
from spacetime_video.toyworld.views import TURN_RATE, moves, views

BALL = SceneObject(shape="sphere", colour="red")


def played(*commands, rate=2.0, target="camera", camera=None):
    actions = Actions(target=target, commands=commands, rate=rate, speed=1.2)
    return Scene(objects=(BALL,), actions=actions, camera=camera or Camera())


def at(scene, *seconds):
    view = views(scene, torch.tensor(seconds, dtype=torch.float64))
    return view.eye[:, 0].tolist(), view.eye[:, 2].tolist(), view.yaw.tolist()


def test_left_and_right_turn_the_camera():
    x, z, yaw = at(played("left", "right", "right"), 0.25, 0.5, 1.5)
    assert yaw == pytest.approx([-0.25 * TURN_RATE, -0.5 * TURN_RATE, 0.5 * TURN_RATE])
    assert x == z == [0, 0, 0]


def test_forward_goes_where_the_camera_looks():
    x, z, yaw = at(played("right", "forward", "back"), 0.75, 1.0, 1.5)
    turn = 0.5 * TURN_RATE
    assert yaw == pytest.approx([turn] * 3)
    assert x == pytest.approx([0.3 * math.sin(turn), 0.6 * math.sin(turn), 0], abs=1e-12)
    assert z == pytest.approx([0.3 * math.cos(turn), 0.6 * math.cos(turn), 0], abs=1e-12)


def test_nothing_happens_after_the_last_command():
    _, z, yaw = at(played("forward", "none", "left", rate=4.0), 0.25, 0.5, 0.75, 9.0)
    assert z == pytest.approx([0.3] * 4)
    assert yaw == pytest.approx([0, 0, -0.25 * TURN_RATE, -0.25 * TURN_RATE])


def test_a_player_adds_to_the_path_of_the_camera():
    scene = played("left", camera=Camera(motion="dollies in", speed=1.0))
    _, z, yaw = at(scene, 0.5)
    assert z == [0.5]
    assert yaw == pytest.approx([-0.5 * TURN_RATE])


def test_only_a_camera_that_changes_its_view_moves():
    assert moves(played("left"))
    assert moves(Scene(objects=(BALL,), camera=Camera(motion="pans left", speed=0.1)))
    assert not moves(Scene(objects=(BALL,)))
    assert not moves(played("left", target="object"))
    assert at(played("left", target="object"), 1.0) == ([0], [0], [0])
