"""Canny's edges: where known shapes have theirs, which count, and a plain loop for comparison."""

import math

import pytest
import torch

from spacetime_video.media.hints import CannyOptions, canny_edges
from spacetime_video.media.hints.canny import _connected
from spacetime_video.media.hints.filters import gradient


def edges(planes, **options):
    found = canny_edges(planes, CannyOptions(**options))
    assert found.shape == (1, *planes.shape[1:])
    assert set(found.unique().tolist()) <= {0.0, 1.0}
    return found[0] > 0


def places(size=48):
    y, x = torch.meshgrid(torch.arange(size) + 0.5, torch.arange(size) + 0.5, indexing="ij")
    return x - size / 2, y - size / 2


def random_planes(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("sigma", [0.0, 0.7, 1.0, 2.5])
def test_thresholds_are_the_difference_across_an_edge(sigma):
    for low, high, contrast, drawn in (
        (0.1, 0.2, 0.21, True),
        (0.1, 0.2, 0.19, False),
        (0.5, 0.9, 1.0, True),
        (0.0, 0.0, 0.01, True),
        (1.0, 1.0, 0.98, False),
    ):
        planes = torch.full((1, 20, 30), 0.3 * (1 - contrast))
        planes[:, :, 13:] += contrast
        found = edges(planes, low=low, high=high, sigma=sigma)
        assert found.any(dim=0).sum() == found.sum() / 20 == drawn
        assert not drawn or int(found[0].nonzero()) in (12, 13)


@pytest.mark.parametrize("angle", range(0, 180, 13))
def test_straight_edges_are_thin_and_where_they_are(angle):
    x, y = places()
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    away = x * cos + y * sin
    found = edges((away + 0.5).clamp(0, 1)[None], low=0.2, high=0.5)[4:-4, 4:-4]
    assert away[4:-4, 4:-4][found].abs().max() < 1.0
    assert found.any(dim=1 if abs(cos) > abs(sin) else 0).all()
    assert not (found[1:] & found[:-1])[:, 1:].logical_and((found[1:] & found[:-1])[:, :-1]).any()


def test_the_edge_of_a_disc_is_its_circle():
    x, y = places(64)
    radius = (x**2 + y**2).sqrt()
    found = edges((20.5 - radius).clamp(0, 1)[None])
    assert (radius[found] - 20).abs().max() < 0.9
    turns = torch.atan2(y[found], x[found]).sort().values
    assert turns.diff().max() < 2 / 20
    assert found.sum() < 1.2 * 2 * math.pi * 20


def plain_edges(planes, low, high, sigma):
    """The method again, pixel by pixel."""
    found = gradient(planes, sigma)
    _, height, width = planes.shape

    def strength(row, column):
        row, column = min(max(row, 0), height - 1), min(max(column, 0), width - 1)
        return max(float(found.strength[c, row, column]) for c in range(len(planes)))

    weak, strong = set(), set()
    for row in range(height):
        for column in range(width):
            own = strength(row, column)
            channel = int(found.strength[:, row, column].argmax())
            x, y = float(found.x[channel, row, column]), float(found.y[channel, row, column])
            side_x, side_y = (1 if x >= 0 else -1), (1 if y >= 0 else -1)
            ends = []
            for way in (1, -1):
                diagonal = strength(row + way * side_y, column + way * side_x)
                if abs(x) >= abs(y):
                    straight, share = strength(row, column + way * side_x), abs(y) / abs(x)
                else:
                    straight, share = strength(row + way * side_y, column), abs(x) / abs(y)
                ends.append(straight + share * (diagonal - straight))
            if own > ends[0] and own >= ends[1] and own >= low:
                (strong if own >= high else weak).add((row, column))
    kept, new = set(), list(strong)
    while new:
        row, column = new.pop()
        kept.add((row, column))
        around = {(row + down, column + right) for down in (-1, 0, 1) for right in (-1, 0, 1)}
        new += around & (weak | strong) - kept - set(new)
    return kept


@pytest.mark.parametrize(("channels", "seed"), [(1, 0), (3, 1), (3, 2)])
def test_edges_are_those_of_a_plain_loop(channels, seed):
    planes = random_planes(channels, 28, 33, seed=seed)
    found = edges(planes, low=0.15, high=0.4, sigma=1.2)
    expected = plain_edges(planes, 0.15, 0.4, 1.2)
    assert {tuple(place) for place in found.nonzero().tolist()} == expected
    assert 20 < len(expected) < found.numel() / 3


def test_turned_pictures_have_turned_edges():
    planes = random_planes(3, 30, 41)
    found = edges(planes)
    for quarter in range(1, 4):
        assert torch.equal(edges(planes.rot90(quarter, (1, 2))), found.rot90(quarter, (0, 1)))
    assert torch.equal(edges(planes.flip(2)), found.flip(1))


def test_faint_edges_count_where_they_hang_on_to_a_clear_one():
    planes = torch.zeros(1, 60, 60)
    planes[0, :, 30:] = torch.linspace(0.1, 0.9, 60)[:, None]
    found = edges(planes, low=0.15, high=0.8)
    assert found[10:58].any(dim=1).all()
    assert not edges(planes.clamp(max=0.7), low=0.15, high=0.8).any()


def test_groups_are_those_that_a_walk_reaches():
    for seed in range(4):
        weak = random_planes(40, 40, seed=seed) > 0.62
        strong = weak & (random_planes(40, 40, seed=seed + 9) > 0.97)
        kept = strong
        for _ in range(1600):
            spread = torch.nn.functional.max_pool2d(kept[None].float(), 3, 1, 1)[0] > 0
            kept = spread & weak
        assert torch.equal(_connected(weak, strong), kept)
        assert strong.sum() < kept.sum() < weak.sum()


def test_colours_of_one_brightness_have_an_edge_too():
    planes = torch.zeros(3, 16, 16)
    planes[0, :, :8], planes[1, :, 8:] = 0.7152, 0.2126
    luma = 0.2126 * planes[0] + 0.7152 * planes[1]
    assert luma.std() < 1e-6
    assert edges(planes).any(dim=1).all()


@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 1, 9), (1, 7, 2)])
def test_flat_and_tiny_pictures_have_none(shape):
    assert not edges(torch.full(shape, 0.37), low=0.0, high=0.0).any()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"low": 0.3, "high": 0.2}, r"0\.3 \(low\) and 0\.2 \(high\): use numbers from 0 to 1"),
        ({"high": 1.5}, "use numbers from 0 to 1"),
        ({"low": float("nan")}, "use numbers from 0 to 1"),
        ({"sigma": -1.0}, "a blur of -1.0 pixels: use 0 or more"),
    ],
)
def test_wrong_options_are_refused(options, told):
    with pytest.raises(ValueError, match=told):
        CannyOptions(**options)
