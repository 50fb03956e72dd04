import math

import pytest
import torch

from spacetime_video.toyworld import Actions, Scene, SceneObject, collisions, simulate
from spacetime_video.toyworld.motion import extent

SECONDS = torch.linspace(0, 3, 193, dtype=torch.float64)


def thing(motion="stays still", colour="red", shape="cylinder", **values):
    return SceneObject(shape=shape, colour=colour, motion=motion, **values)


def momentum(scene, states):
    mass = torch.tensor([each.size**3 for each in scene.objects], dtype=torch.float64)
    return (mass[:, None] * states.velocity).sum(dim=1)


def energy(scene, states):
    mass = torch.tensor([each.size**3 for each in scene.objects], dtype=torch.float64)
    return (mass * states.velocity.square().sum(dim=-1)).sum(dim=-1) / 2


def least_gap(scene, states):
    """The least distance between the discs of any two objects, over time."""
    gaps = []
    for j, other in enumerate(scene.objects):
        for i, one in enumerate(scene.objects[:j]):
            away = states.centre[:, i, ::2] - states.centre[:, j, ::2]
            gaps.append(away.norm(dim=-1).min() - extent(one) - extent(other))
    return float(min(gaps))


def crash(restitution=1.0, **values):
    runner = thing("moves right", x=-1.5, speed=1.2, size=1.6)
    return Scene(objects=(runner, thing(x=0.5, **values)), restitution=restitution)


def test_contact_is_at_its_exact_time():
    (met,) = collisions(crash(), 3.0)
    assert (met.first, met.second) == (0, 1)
    assert met.time == pytest.approx((2.0 - 0.43 * (1.6 + 1.2)) / 1.2, abs=1e-12)


def test_equal_elastic_discs_swap_their_speeds():
    states = simulate(crash(size=1.6), SECONDS)
    torch.testing.assert_close(states.velocity[-1, :, 0], torch.tensor([0.0, 1.2]).double())


@pytest.mark.parametrize("offset", [0.0, 0.3, -0.6])
@pytest.mark.parametrize("size", [1.2, 1.6, 2.4])
def test_elastic_hits_keep_momentum_and_energy(offset, size):
    scene = crash(size=size, z=6.0 + offset)
    states = simulate(scene, SECONDS)
    before, after = states.velocity[0], states.velocity[-1]
    assert (before - after).norm() > 0.5
    torch.testing.assert_close(momentum(scene, states), momentum(scene, states)[:1].expand(193, 3))
    torch.testing.assert_close(energy(scene, states), energy(scene, states)[:1].expand(193))
    assert least_gap(scene, states) > -1e-9


def test_a_push_takes_the_other_along_and_keeps_momentum():
    scene = crash(restitution=0.0)
    states = simulate(scene, SECONDS)
    assert len(collisions(scene, 3.0)) == 1
    together = 1.2 * 1.6**3 / (1.6**3 + 1.2**3)
    torch.testing.assert_close(states.velocity[-1, :, 0], torch.tensor([together] * 2).double())
    torch.testing.assert_close(momentum(scene, states), momentum(scene, states)[:1].expand(193, 3))
    assert energy(scene, states)[-1] < energy(scene, states)[0]
    assert states.contacts[-1, 0, 1]
    assert states.contacts[-1, 1, 0]
    assert not states.contacts[0, 0, 1]


def test_restitution_is_the_share_of_the_closing_speed_that_stays():
    states = simulate(crash(restitution=0.4), SECONDS)
    assert float(states.velocity[-1, 1, 0] - states.velocity[-1, 0, 0]) == pytest.approx(0.48)


def test_a_row_of_three_passes_the_blow_on():
    row = (thing("moves right", x=-2.0, speed=2.0), thing(x=0.0), thing(x=1.5))
    scene = Scene(objects=row)
    assert [met[1:] for met in collisions(scene, 3.0)] == [(0, 1), (1, 2)]
    states = simulate(scene, SECONDS)
    torch.testing.assert_close(states.velocity[-1, :, 0], torch.tensor([0.0, 0.0, 2.0]).double())


def test_a_circling_object_hits_and_goes_on_straight():
    ring = thing("circles", x=0.0, z=6.0, reach=1.0, speed=2.0, colour="blue")
    scene = Scene(objects=(ring, thing(x=-1.2, z=6.3)))
    (met,) = collisions(scene, 3.0)
    just = simulate(scene, torch.tensor([met.time], dtype=torch.float64))
    assert least_gap(scene, just) == pytest.approx(0, abs=1e-9)
    states = simulate(scene, SECONDS)
    torch.testing.assert_close(momentum(scene, states)[-1], momentum(scene, just)[-1])
    torch.testing.assert_close(energy(scene, states)[-1], energy(scene, just)[-1])
    assert least_gap(scene, states) > -1e-9
    assert (states.velocity[-5:].diff(dim=0) == 0).all()


def crowds():
    generator = torch.Generator().manual_seed(0)
    motions = ("moves left", "moves right", "comes closer", "circles", "rolls", "stays still")
    for restitution in (1.0, 0.5, 0.0):
        for _ in range(20):
            draws = torch.rand(3, 4, generator=generator).tolist()
            yield Scene(
                objects=tuple(
                    thing(
                        motions[int(6 * kind)],
                        shape="sphere",
                        x=3.0 * place - 3.0 + side,
                        z=5.0 + 2.0 * depth,
                        speed=1.0 + side,
                        heading=-1.0,
                        reach=0.7,
                    )
                    for place, (kind, side, depth, _) in enumerate(draws)
                ),
                restitution=restitution,
            )


def test_nothing_goes_through_anything():
    met = 0
    for scene in crowds():
        if least_gap(scene, simulate(scene, SECONDS[:1])) > 0:
            met += len(collisions(scene, 3.0))
            assert least_gap(scene, simulate(scene, SECONDS)) > -1e-7
    assert met > 20


@pytest.mark.parametrize("scene", [crash(), crash(0.0), *list(crowds())[:4]])
def test_no_moment_depends_on_which_others_are_asked_for(scene):
    slow = simulate(scene, torch.arange(13, dtype=torch.float64) / 4)
    fast = simulate(scene, torch.arange(97, dtype=torch.float64) / 32)
    last = simulate(scene, torch.tensor([3.0], dtype=torch.float64))
    assert torch.equal(slow.centre, fast.centre[::8])
    assert torch.equal(slow.centre[12:], last.centre)
    assert torch.equal(slow.velocity, fast.velocity[::8])


def test_a_rolling_ball_that_is_stopped_rolls_no_more():
    ball = thing("rolls", shape="sphere", x=-2.0, speed=1.5, heading=1.0, size=1.4)
    scene = Scene(objects=(ball, thing(shape="sphere", x=0.0, size=1.4)))
    states = simulate(scene, SECONDS)
    moved = states.centre[-1, 0, 0] + 2.0
    assert float(moved) == pytest.approx(0.6)
    angle = torch.atan2(states.rotation[-1, 0, 0, 1], states.rotation[-1, 0, 0, 0])
    assert float(angle) == pytest.approx(0.6 / 0.7)


def test_a_second_motion_takes_over_after_a_hit():
    runner = thing("moves right", x=-1.5, speed=1.2, then="goes away", turn=2.0, then_speed=0.5)
    scene = Scene(objects=(runner, thing(x=0.5)))
    states = simulate(scene, torch.tensor([1.9, 2.5], dtype=torch.float64))
    assert float(states.velocity[0, 0].norm()) == pytest.approx(0)
    torch.testing.assert_close(states.velocity[1, 0], torch.tensor([0.0, 0.0, 0.5]).double())


def test_commands_move_the_first_object():
    actions = Actions("object", ("right", "right", "forward", "none", "back", "left"), 4.0, speed=2)
    scene = Scene(objects=(thing(x=0.0), thing(x=9.0)), actions=actions)
    states = simulate(scene, torch.tensor([0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 9.0]).double())
    places = [[0.5, 6], [1, 6], [1, 6.5], [1, 6.5], [1, 6], [0.5, 6], [0.5, 6]]
    torch.testing.assert_close(states.centre[:, 0, ::2], torch.tensor(places).double())
    assert (states.velocity[-1] == 0).all()
    assert (states.centre[:, 1, 0] == 9).all()


def test_commands_for_the_camera_move_no_object():
    scene = Scene(objects=(thing(),), actions=Actions("camera", ("left",) * 4, 4.0))
    assert (simulate(scene, SECONDS).velocity == 0).all()


def test_a_driven_object_pushes_what_is_in_its_way():
    actions = Actions("object", ("right",) * 32, 16.0)
    scene = Scene(objects=(thing(x=0.0), thing(x=1.5)), actions=actions, restitution=0.0)
    states = simulate(scene, SECONDS)
    assert states.centre[-1, 1, 0] > 2.0
    assert least_gap(scene, states) > -1e-9


def test_what_stands_on_top_is_carried_along():
    rider = thing(shape="sphere", y=1.2, x=0.2)
    carrier = thing("moves right", speed=0.5, colour="blue")
    scene = Scene(objects=(rider, carrier), relation="on top of")
    states = simulate(scene, SECONDS)
    offset = states.centre[:, 0] - states.centre[:, 1]
    torch.testing.assert_close(offset, torch.tensor([0.2, 1.2, 0.0]).double().expand(193, 3))
    torch.testing.assert_close(states.velocity[:, 0], states.velocity[:, 1])
    assert states.contacts[:, 0, 1].all()
    assert not states.contacts[:, 0, 2].any()
    assert states.contacts[:, 1, 2].all()


def test_what_stands_on_a_spinning_thing_goes_round_with_it():
    rider = thing(shape="cone", y=1.2, x=0.3)
    scene = Scene(
        objects=(rider, thing("spins", speed=math.pi, colour="blue")), relation="on top of"
    )
    states = simulate(scene, torch.tensor([0.0, 0.5 - 1e-6, 0.5, 0.5 + 1e-6], dtype=torch.float64))
    torch.testing.assert_close(states.centre[2, 0, ::2], torch.tensor([0.0, 5.7]).double())
    torch.testing.assert_close(states.rotation[:, 0], states.rotation[:, 1])
    slope = (states.centre[3] - states.centre[1]) / 2e-6
    torch.testing.assert_close(slope, states.velocity[2], atol=1e-5, rtol=0)


def test_bounces_touch_the_floor_only_at_its_height():
    scene = Scene(objects=(thing("bounces", reach=1.0), thing(x=2.0)))
    contacts = simulate(scene, torch.tensor([0.0, 0.2, 0.4, 0.8]).double()).contacts
    assert contacts[:, 0, 2].tolist() == [True, False, False, True]
    assert contacts[:, 1, 2].all()
    assert not contacts[:, 0, 1].any()


@pytest.mark.parametrize(
    ("times", "met"),
    [
        ({}, 1),
        ({"vanishes": 0.5}, 0),
        ({"vanishes": 2.0}, 1),
        ({"appears": 0.5}, 1),
        ({"appears": 2.9}, 0),
    ],
)
def test_only_what_is_there_is_hit(times, met):
    assert len(collisions(crash(**times), 3.0)) == met


def test_what_is_not_there_has_no_state():
    scene = Scene(objects=(thing(), thing(z=6.0, appears=1.0, vanishes=2.0)))
    states = simulate(scene, torch.tensor([0.5, 1.0, 1.5, 2.0], dtype=torch.float64))
    for part in states[:3]:
        assert not part[[0, 3], 1].any()
    assert states.centre[1:3, 1].any(dim=-1).all()
    assert states.contacts[:, 0, 1].tolist() == [False, True, True, False]
    assert states.contacts[:, 1, 2].tolist() == [False, True, True, False]
    assert states.contacts[:, 0, 2].all()
