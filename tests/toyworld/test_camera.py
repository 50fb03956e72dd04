import pytest
import torch

from spacetime_video.toyworld.camera import Camera


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
