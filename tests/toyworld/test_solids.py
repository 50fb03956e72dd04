import pytest
import torch

from spacetime_video.toyworld.solids import (
    CONE_RADIUS,
    CUBE_HALF_SIDE,
    CYLINDER_RADIUS,
    HALF_HEIGHT,
    INTERSECTIONS,
    reach,
)

SIDES = {"sphere": 0.5, "cube": CUBE_HALF_SIDE, "cylinder": CYLINDER_RADIUS}


def outside(shape, x, y, z):
    """Positive outside of the solid, 0 on its surface."""
    round_ = (x * x + z * z).sqrt()
    tall = y.abs() - HALF_HEIGHT[shape]
    return {
        "sphere": lambda: (round_**2 + y * y).sqrt() - 0.5,
        "cube": lambda: torch.stack((x.abs(), y.abs(), z.abs())).amax(dim=0) - CUBE_HALF_SIDE,
        "cylinder": lambda: torch.maximum(round_ - CYLINDER_RADIUS, tall),
        "cone": lambda: torch.maximum(round_ - CONE_RADIUS * (0.5 - y), tall),
    }[shape]()


@pytest.fixture
def rays():
    generator = torch.Generator().manual_seed(0)
    origin = torch.randn(3, 4000, generator=generator, dtype=torch.float64)
    origin = 3 * origin / origin.norm(dim=0)
    target = torch.rand(3, 4000, generator=generator, dtype=torch.float64) * 1.4 - 0.7
    return origin, (target - origin) / (target - origin).norm(dim=0)


@pytest.mark.parametrize("shape", INTERSECTIONS)
def test_hits_are_the_first_points_of_the_surface(shape, rays):
    origin, direction = rays
    hit = INTERSECTIONS[shape](origin, direction)
    met = hit.distance.isfinite()
    point = origin + torch.where(met, hit.distance, 0) * direction
    assert 0.2 < met.float().mean() < 0.95
    assert outside(shape, *point[:, met]).abs().max() < 1e-9
    steps = torch.linspace(0, 5, 400, dtype=torch.float64)[:, None]
    last = torch.where(met, hit.distance - 1e-6, 5.0)
    before = origin[:, None] + torch.minimum(steps, last) * direction[:, None]
    assert outside(shape, *before).min() > -1e-9


@pytest.mark.parametrize("shape", INTERSECTIONS)
def test_normals_are_unit_and_face_the_ray(shape, rays):
    origin, direction = rays
    hit = INTERSECTIONS[shape](origin, direction)
    met = hit.distance.isfinite()
    normal = hit.normal[:, met]
    torch.testing.assert_close(normal.norm(dim=0), torch.ones_like(normal[0]))
    assert ((normal * direction[:, met]).sum(dim=0) <= 1e-9).all()


@pytest.mark.parametrize(("shape", "side"), SIDES.items())
def test_a_level_ray_meets_the_side(shape, side):
    origin, direction = torch.tensor([[0.0], [0.0], [-4.0]]), torch.tensor([[0.0], [0.0], [1.0]])
    hit = INTERSECTIONS[shape](origin, direction)
    assert float(hit.distance) == pytest.approx(4 - side)
    assert hit.normal[:, 0].tolist() == pytest.approx([0, 0, -1])


@pytest.mark.parametrize("shape", INTERSECTIONS)
def test_a_ray_from_above_meets_the_top(shape):
    origin = torch.tensor([[0.01], [4.0], [0.02]])
    hit = INTERSECTIONS[shape](origin, torch.tensor([[0.0], [-1.0], [0.0]]))
    assert float(hit.distance) == pytest.approx(4 - HALF_HEIGHT[shape], abs=0.05)


@pytest.mark.parametrize("shape", INTERSECTIONS)
def test_reach_holds_the_turned_solid_and_no_more(shape, rays):
    origin, direction = rays
    hit = INTERSECTIONS[shape](origin, direction)
    met = hit.distance.isfinite()
    surface = (origin + torch.where(met, hit.distance, 0) * direction)[:, met]
    generator = torch.Generator().manual_seed(1)
    matrices = torch.randn(20, 3, 3, generator=generator, dtype=torch.float64)
    for rotation in (torch.eye(3, dtype=torch.float64), *torch.linalg.qr(matrices).Q):
        furthest = (rotation @ surface).abs().amax(dim=1)
        limit = reach(shape, rotation)
        assert (furthest <= limit + 1e-9).all()
        if shape != "cone":
            assert (furthest > 0.9 * limit).all()


def test_reach_keeps_the_frames():
    rotation = torch.eye(3).expand(5, 2, 3, 3)
    assert reach("cylinder", rotation).shape == (5, 2, 3)
    assert reach("cylinder", rotation)[0, 0].tolist() == pytest.approx([0.43, 0.5, 0.43])
