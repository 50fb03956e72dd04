import math

import pytest
import torch

from spacetime_video.toyworld.camera import CAMERA_MOTIONS, ORBIT_RADIUS, Camera

SECONDS = torch.linspace(0, 2, 9, dtype=torch.float64)


@pytest.mark.parametrize("size", [(64, 64), (48, 80), (80, 48)])
def test_projection_undoes_the_rays(size):
    camera = Camera()
    x, y = torch.tensor([3.5, 20.0, 47.5]), torch.tensor([40.5, 30.0, 47.5])
    rays = camera.ray_directions(x, y, *size)
    torch.testing.assert_close(rays.norm(dim=0), torch.ones(3))
    points = torch.tensor([0.0, camera.height, 0.0]) + 7 * rays.T
    back_x, back_y, depth = camera.project(points, *size)
    torch.testing.assert_close(back_x, x, atol=1e-4, rtol=0)
    torch.testing.assert_close(back_y, y, atol=1e-4, rtol=0)
    assert (depth > 0).all()


def test_half_width_is_what_a_square_sees():
    camera = Camera()
    edge = torch.tensor([camera.half_width(0.5, 6.0), 0.5, 6.0])
    x, _, _ = camera.project(edge, 64, 64)
    assert float(x) == pytest.approx(64.0, abs=1e-3)


@pytest.mark.parametrize("motion", CAMERA_MOTIONS)
def test_projection_undoes_the_rays_of_every_moment(motion):
    view = Camera(motion=motion, speed=0.7).view(SECONDS)
    x, y = torch.tensor([[3.5], [60.0]]).double(), torch.tensor([[50.0], [8.0]]).double()
    rays = view.ray_directions(x, y, 64, 64)  # (3, 2, F)
    torch.testing.assert_close(rays.norm(dim=0), torch.ones(2, 9, dtype=torch.float64))
    points = view.eye + 5 * rays.permute(1, 2, 0)
    back_x, back_y, _ = view.project(points, 64, 64)
    torch.testing.assert_close(back_x, x.expand(2, 9))
    torch.testing.assert_close(back_y, y.expand(2, 9))


@pytest.mark.parametrize(("motion", "side"), [("pans left", -1), ("pans right", 1)])
def test_a_pan_looks_to_its_side_from_where_it_stands(motion, side):
    view = Camera(motion=motion, speed=0.5).view(SECONDS)
    assert (view.eye == torch.tensor([0.0, 2.0, 0.0])).all()
    ahead = torch.tensor([side * math.sin(0.5), 0.5, math.cos(0.5)]) * 4
    x, _, _ = view.at(4).project(ahead.double(), 64, 64)
    assert float(x) == pytest.approx(32.0)


@pytest.mark.parametrize(("motion", "side"), [("orbits left", -1), ("orbits right", 1)])
def test_an_orbit_keeps_its_middle_in_place(motion, side):
    view = Camera(motion=motion, speed=0.5).view(SECONDS)
    middle = torch.tensor([0.0, 0.0, ORBIT_RADIUS]).double()
    places = torch.stack(view.project(middle, 64, 64))
    torch.testing.assert_close(places, places[:, :1].expand(3, 9))
    assert (view.eye[1:, 0] * side > 0).all()
    assert (view.eye[:, 1] == 2).all()


@pytest.mark.parametrize(("motion", "way"), [("dollies in", 1), ("dollies out", -1)])
def test_a_dolly_moves_straight(motion, way):
    view = Camera(motion=motion, speed=0.5).view(SECONDS)
    torch.testing.assert_close(view.eye[:, 2], way * 0.5 * SECONDS)
    assert (view.yaw == 0).all()


def test_every_motion_begins_as_the_still_camera():
    still = Camera().view(torch.zeros(1))
    for motion in CAMERA_MOTIONS:
        view = Camera(motion=motion, speed=1.0).view(torch.zeros(1))
        assert torch.equal(view.eye, still.eye)
        assert torch.equal(view.yaw, still.yaw)
        assert Camera(motion=motion, speed=1.0).moves == (motion != "still")


def test_an_unknown_motion_is_refused():
    with pytest.raises(ValueError, match="unknown camera motion 'flies': use one of still"):
        Camera(motion="flies")


def test_a_camera_rests_before_and_after_its_motion():
    seconds = torch.tensor([0.0, 0.5, 0.6, 1.0, 1.4, 1.5, 9.0], dtype=torch.float64)
    pan = Camera(motion="pans right", speed=0.8, begin=0.5, end=1.5)
    yaw = pan.view(seconds).yaw
    assert yaw[[0, 1]].tolist() == [0, 0]
    assert yaw[[5, 6]].tolist() == pytest.approx([0.8, 0.8])
    assert float(yaw[3]) == pytest.approx(0.4)
    assert float(yaw[2]) < 0.5 * 0.8 * 0.1
    dolly = Camera(motion="dollies in", speed=2.0, begin=0.5, end=1.5)
    assert float(dolly.view(seconds).eye[-1, 2]) == pytest.approx(2.0)


@pytest.mark.parametrize("begin", [1.0, -0.1])
def test_a_motion_ends_after_it_begins(begin):
    with pytest.raises(ValueError, match=f"moves from {begin} to 1.0 seconds: use a begin of 0"):
        Camera(motion="pans left", speed=1.0, begin=begin, end=1.0)
