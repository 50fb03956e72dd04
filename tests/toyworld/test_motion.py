import math

import pytest
import torch

from spacetime_video.toyworld import MOTIONS, SceneObject
from spacetime_video.toyworld.motion import pose

SECONDS = torch.linspace(0, 2, 65, dtype=torch.float64)


def walk(motion, **values):
    return pose(SceneObject(shape="cube", colour="red", motion=motion, **values), SECONDS)


@pytest.mark.parametrize(
    ("motion", "axis", "sign"),
    [("moves left", 0, -1), ("moves right", 0, 1), ("comes closer", 2, -1), ("goes away", 2, 1)],
)
def test_straight_motions_keep_their_speed_in_units_per_second(motion, axis, sign):
    centre = walk(motion, speed=1.5).centre
    step = torch.zeros(3, dtype=torch.float64)
    step[axis] = sign * 1.5 / 32
    torch.testing.assert_close(centre.diff(dim=0), step.expand(64, 3))


def test_still_and_spinning_objects_stay_in_place():
    for motion in ("stays still", "spins"):
        assert walk(motion, speed=1.0).centre.diff(dim=0).abs().max() == 0
    assert walk("stays still").yaw.diff().abs().max() == 0
    assert float(walk("spins", speed=1.5).yaw[-1]) == pytest.approx(3.0)


def test_a_circle_has_its_radius():
    centre = walk("circles", x=0.3, z=6.0, speed=3.0, reach=0.9, phase=0.2).centre
    radius = torch.hypot(centre[:, 0] - 0.3, centre[:, 2] - 6.0)
    torch.testing.assert_close(radius, torch.full_like(radius, 0.9))


def test_bounces_rise_to_their_reach_and_touch_the_floor():
    height = walk("bounces", reach=1.1).centre[:, 1]
    rest = walk("stays still").centre[:, 1]
    assert float((height - rest).max()) == pytest.approx(1.1, abs=0.01)
    assert float((height - rest).min()) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("motion", MOTIONS)
def test_the_frame_rate_changes_no_position(motion):
    thing = SceneObject(shape="cone", colour="blue", motion=motion, speed=1.1, reach=0.9, phase=0.3)
    slow = pose(thing, torch.arange(9, dtype=torch.float64) / 8)
    fast = pose(thing, torch.arange(17, dtype=torch.float64) / 16)
    torch.testing.assert_close(slow.centre, fast.centre[::2])
    assert math.isclose(float(slow.yaw[-1]), float(fast.yaw[-1]))
