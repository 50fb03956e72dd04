"""Single objects against the equations of their motions."""

import math

import pytest
import torch

from spacetime_video.toyworld import ALL_MOTIONS, MOTIONS, Scene, SceneObject, simulate
from spacetime_video.toyworld.motion import FALL_RESTITUTION, GRAVITY

SECONDS = torch.linspace(0, 2, 65, dtype=torch.float64)
STEP = 1e-6


def at(seconds):
    return torch.as_tensor(seconds, dtype=torch.float64)


def walk(motion, seconds=SECONDS, **values):
    values = {"shape": "cube", "colour": "red", "motion": motion, **values}
    return simulate(Scene(objects=(SceneObject(**values),)), at(seconds))


def full(motion, **values):
    """Something of everything, so that every motion shows."""
    everything = {"shape": "sphere", "speed": 1.1, "reach": 0.9, "phase": 0.3, "heading": 1.0}
    return {**everything, "y": 1.3 if motion == "falls" else 0.0, **values}


@pytest.mark.parametrize(
    ("motion", "axis", "sign"),
    [("moves left", 0, -1), ("moves right", 0, 1), ("comes closer", 2, -1), ("goes away", 2, 1)],
)
def test_straight_motions_keep_their_speed_in_units_per_second(motion, axis, sign):
    states = walk(motion, speed=1.5)
    velocity = torch.zeros(3, dtype=torch.float64)
    velocity[axis] = sign * 1.5
    torch.testing.assert_close(states.centre[:, 0].diff(dim=0) * 32, velocity.expand(64, 3))
    torch.testing.assert_close(states.velocity[:, 0], velocity.expand(65, 3))


def test_still_and_spinning_objects_stay_in_place():
    for motion in ("stays still", "spins"):
        assert walk(motion, speed=1.0).centre.diff(dim=0).abs().max() == 0
    assert walk("stays still", yaw=0.4).rotation.diff(dim=0).abs().max() == 0


def test_a_spin_turns_by_its_speed_from_its_first_angle():
    rotation = walk("spins", seconds=[0.5], speed=1.5, yaw=0.4).rotation[0, 0]
    cos, sin = math.cos(1.15), math.sin(1.15)
    torch.testing.assert_close(rotation, at([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]]))


def test_a_circle_has_its_radius_and_its_speed():
    states = walk("circles", x=0.3, z=6.0, speed=3.0, reach=0.9, phase=0.25)
    centre = states.centre[:, 0]
    torch.testing.assert_close(
        torch.hypot(centre[:, 0] - 0.3, centre[:, 2] - 6.0), torch.full_like(SECONDS, 0.9)
    )
    torch.testing.assert_close(centre[0], at([0.3, 0.43 * 1.2, 6.9]))
    torch.testing.assert_close(states.velocity[:, 0].norm(dim=-1), torch.full_like(SECONDS, 2.7))


@pytest.mark.parametrize(("speed", "period"), [(0.0, 0.8), (2.5, 0.4)])
def test_bounces_are_parabolas_that_lose_nothing(speed, period):
    part = at([0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 7.5])
    height = walk("bounces", seconds=part * period, reach=1.1, speed=speed).centre[:, 0, 1]
    expected = at([0.0, 0.75, 1.0, 0.75, 0.0, 1.0, 1.0]) * 1.1
    torch.testing.assert_close(height - 0.43 * 1.2, expected)


def test_a_fall_is_free_until_the_floor():
    states = walk("falls", y=1.5, seconds=[0.0, 0.3, 0.8])
    expected = 1.5 - GRAVITY * at([0.0, 0.3, 0.8]) ** 2 / 2
    torch.testing.assert_close(states.centre[:, 0, 1] - 0.43 * 1.2, expected)
    torch.testing.assert_close(states.velocity[:, 0, 1], -GRAVITY * at([0.0, 0.3, 0.8]))


def test_each_bounce_of_a_fall_keeps_its_share_of_the_speed():
    first = math.sqrt(2 * 1.5 / GRAVITY)
    tops, time, flight = [], first, 2 * first * FALL_RESTITUTION
    for _ in range(6):
        tops.append(time + flight / 2)
        time, flight = time + flight, flight * FALL_RESTITUTION
    peaks = walk("falls", y=1.5, seconds=tops)
    expected = 1.5 * FALL_RESTITUTION ** (2 * torch.arange(1, 7, dtype=torch.float64))
    torch.testing.assert_close(peaks.centre[:, 0, 1] - 0.43 * 1.2, expected)
    torch.testing.assert_close(peaks.velocity[:, 0, 1], at([0.0] * 6))


def test_a_fall_never_gains_energy_and_comes_to_rest():
    seconds = torch.linspace(0, 6, 2001, dtype=torch.float64)
    states = walk("falls", y=1.5, seconds=seconds)
    low, speed = states.centre[:, 0, 1] - 0.43 * 1.2, states.velocity[:, 0, 1]
    energy = speed**2 / 2 + GRAVITY * low
    assert low.min() >= 0
    assert energy.diff().max() < 1e-9
    assert energy[-1] == 0
    assert energy[0] == pytest.approx(1.5 * GRAVITY)


def test_what_is_let_go_on_the_floor_stays_there():
    states = walk("falls")
    assert (states.centre[:, 0, 1] == 0.43 * 1.2).all()
    assert (states.velocity == 0).all()


@pytest.mark.parametrize("shape", ["sphere", "cylinder"])
@pytest.mark.parametrize("heading", [-1.0, 1.0])
def test_rolling_does_not_slip(shape, heading):
    """The point that touches the floor stands still for a moment."""
    seconds = at([0.7 - STEP, 0.7, 0.7 + STEP])
    states = walk("rolls", seconds, shape=shape, size=1.4, speed=1.3, heading=heading, yaw=0.5)
    radius = states.centre[1, 0, 1]
    contact = states.rotation[1, 0].T @ at([0.0, -float(radius), 0.0])
    places = states.centre[:, 0] + states.rotation[:, 0] @ contact
    torch.testing.assert_close(
        (places[2] - places[0]) / (2 * STEP), at([0.0] * 3), atol=1e-6, rtol=0
    )
    assert float(states.velocity[1, 0, 0]) == pytest.approx(heading * 1.3)
    assert places[1, 1] == pytest.approx(0)


def test_a_rolling_cylinder_lies_along_z():
    rotation = walk("rolls", shape="cylinder", speed=1.0, heading=1.0, yaw=0.7).rotation[:, 0]
    axis = rotation @ at([0.0, 1.0, 0.0])
    torch.testing.assert_close(axis, at([0.0, 0.0, 1.0]).expand(65, 3))


@pytest.mark.parametrize("motion", ALL_MOTIONS)
def test_velocities_are_the_derivatives_of_places(motion):
    seconds = at([0.11, 0.5, 0.97, 1.4])
    before, now, after = (
        walk(motion, seconds + shift, **full(motion)) for shift in (-STEP, 0, STEP)
    )
    slope = (after.centre - before.centre) / (2 * STEP)
    torch.testing.assert_close(slope, now.velocity, atol=1e-5, rtol=0)


@pytest.mark.parametrize("motion", ALL_MOTIONS)
def test_rotations_are_proper(motion):
    rotation = walk(motion, yaw=0.3, **full(motion)).rotation
    identity = torch.eye(3, dtype=torch.float64).expand(rotation.shape)
    torch.testing.assert_close(rotation @ rotation.mT, identity)
    assert torch.linalg.det(rotation).min() > 0.999


@pytest.mark.parametrize("motion", ALL_MOTIONS)
@pytest.mark.parametrize("then", MOTIONS)
def test_a_second_motion_begins_where_the_first_one_leaves(motion, then):
    values = full(motion, then=then, turn=0.63, then_speed=1.7)
    states = walk(motion, [0.63 - 1e-9, 0.63, 0.63 + 1e-9], **values)
    assert states.centre.diff(dim=0).abs().max() < 1e-7
    assert states.rotation.diff(dim=0).abs().max() < 1e-7


def test_a_second_motion_has_its_own_speed():
    states = walk("moves left", [0.5, 2.0], speed=1.0, then="goes away", turn=1.0, then_speed=0.5)
    torch.testing.assert_close(states.centre[:, 0], at([[-0.5, 0.516, 6.0], [-1.0, 0.516, 6.5]]))


def test_a_bounce_comes_down_before_the_second_motion_has_it_alone():
    states = walk(
        "bounces", [0.6, 0.79, 0.81, 1.3], reach=1.0, then="moves right", turn=0.5, then_speed=1.0
    )
    low = states.centre[:, 0, 1] - 0.43 * 1.2
    torch.testing.assert_close(low[:2], 4 * at([0.75, 0.9875]) * at([0.25, 0.0125]))
    assert (low[2:] == 0).all()
    torch.testing.assert_close(states.centre[:, 0, 0], at([0.1, 0.29, 0.31, 0.8]))


@pytest.mark.parametrize("first", ["stays still", "bounces"])
def test_second_bounces_begin_on_the_floor_at_their_own_pace(first):
    values = {"reach": 1.0, "then": "bounces", "turn": 0.7, "then_speed": 2.5}
    begin = 0.8 if first == "bounces" else 0.7
    low = walk(first, at([0.0, 0.2, 0.4, 0.5]) + begin, **values).centre[:, 0, 1] - 0.43 * 1.2
    torch.testing.assert_close(low, at([0.0, 1.0, 0.0, 0.75]))


@pytest.mark.parametrize("motion", ALL_MOTIONS)
def test_the_frame_rate_changes_no_moment(motion):
    values = full(motion)
    slow = walk(motion, torch.arange(9, dtype=torch.float64) / 8, **values)
    fast = walk(motion, torch.arange(17, dtype=torch.float64) / 16, **values)
    assert torch.equal(slow.centre, fast.centre[::2])
    assert torch.equal(slow.rotation, fast.rotation[::2])


def test_states_have_the_type_of_the_moments_asked_for():
    single = simulate(Scene(objects=(SceneObject(shape="cone", colour="red"),)), SECONDS.float())
    assert single.centre.dtype == single.rotation.dtype == single.velocity.dtype == torch.float32
