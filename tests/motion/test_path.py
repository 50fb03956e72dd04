"""Things that move along a path: at an even pace, turned and scaled about their middle."""

import math

import pytest
import torch

from spacetime_video.motion.easing import progress
from spacetime_video.motion.path import along, moved_along, points_under, stroke_path


def square(left, top, side, size=(48, 64)):
    mask = torch.zeros(size)
    mask[top : top + side, left : left + side] = 1
    return mask


def test_a_path_is_gone_at_an_even_pace_however_its_points_lie():
    path = torch.tensor([[0.0, 0.0], [1.0, 0.0], [1.5, 0.0], [8.0, 0.0], [8.0, 8.0]])
    places = along(path, progress(9))
    assert torch.allclose(places.diff(dim=0).norm(dim=1), torch.full((8,), 2.0))
    assert torch.equal(along(path[:1], progress(3)), path[:1].expand(3, 2))
    stays = torch.tensor([[3.0, 3.0], [3.0, 3.0]])
    assert torch.equal(along(stays, progress(3)), stays[:1].expand(3, 2))


@pytest.mark.parametrize("easing", ["linear", "ease in", "ease out", "ease in and out"])
def test_easings_go_all_the_way_and_never_back(easing):
    way = progress(33, easing)
    assert (way[0], way[-1]) == (0, 1)
    assert bool((way.diff() > 0).all())
    first, last = float(way.diff()[0]), float(way.diff()[-1])
    even = 1 / 32
    assert (first < even / 4) == (easing in ("ease in", "ease in and out"))
    assert (last < even / 4) == (easing in ("ease out", "ease in and out"))


def test_a_motion_has_its_time():
    assert progress(5, start=0.25, end=0.75).tolist() == [0, 0, 0.5, 1, 1]
    with pytest.raises(ValueError, match="an end that comes after the start"):
        progress(5, start=0.5, end=0.5)
    with pytest.raises(ValueError, match="unknown easing 'bounce'"):
        progress(5, "bounce")


def test_points_cover_a_thing():
    points = points_under(square(10, 20, 16))
    assert 12 <= len(points) <= 40
    assert points.min(0).values.tolist() >= [10, 20]
    assert points.max(0).values.tolist() <= [26, 36]
    assert torch.allclose(points.mean(0), torch.tensor([18.0, 28.0]), atol=1.5)
    assert len(points_under(square(3, 3, 1))) == 1
    with pytest.raises(ValueError, match=r"no pixel of the mask is above 0\.5"):
        points_under(torch.zeros(4, 4))


def test_a_thing_moves_turns_and_grows():
    path = torch.tensor([[50.0, 5.0], [60.0, 5.0], [60.0, 15.0]])
    tracks = moved_along(square(10, 20, 8), path, 9, scale=2.0, rotation=90.0)
    middle = torch.tensor([14.0, 24.0])
    from_middle = tracks.places - (middle + along(path, progress(9)) - path[0])
    start, end = from_middle[:, 0], from_middle[:, -1]
    clockwise = torch.stack([-start[:, 1], start[:, 0]], dim=1)
    assert torch.allclose(end, 2 * clockwise, atol=1e-4)
    half = from_middle[:, 4].norm(dim=1) / start.norm(dim=1)
    assert torch.allclose(half, torch.full_like(half, math.sqrt(2)), atol=1e-4)


def test_what_is_not_one_stroke_is_told():
    thing, two, ring = torch.zeros(3, 60, 80)
    thing[25:35, 5:15] = 1
    two[28:32, 12:40] = two[4:6, 60:64] = 1
    y, x = torch.meshgrid(torch.arange(60), torch.arange(80), indexing="ij")
    ring[((x - 40.0).hypot(y - 30.0) - 20).abs() < 3] = 1
    with pytest.raises(ValueError, match="in several pieces: paint one stroke"):
        stroke_path(two, thing)
    with pytest.raises(ValueError, match=r"touches itself.*leave a gap"):
        stroke_path(ring, thing)
    ring[:20] = 0
    assert len(stroke_path(ring, thing)) > 40


@pytest.mark.parametrize("factor", [1, 6])
def test_a_painted_stroke_is_followed_from_the_thing(factor):
    stroke = torch.zeros(48 * factor, 64 * factor)
    for x in range(15 * factor, 50 * factor):
        y = round((24 + 10 * math.sin(x / factor / 8)) * factor)
        stroke[y - factor : y + factor + 1, x - factor : x + factor + 1] = 1
    for thing, first, last in ((4, 15, 50), (52, 50, 15)):
        near = square(thing * factor, 20 * factor, 8 * factor, stroke.shape)
        path = stroke_path(stroke, near) / factor
        assert float(path[0, 0]) == pytest.approx(first, abs=2.5)
        assert float(path[-1, 0]) == pytest.approx(last, abs=2.5)
        wave = 24 + 10 * (path[:, 0] / 8).sin()
        assert float((path[:, 1] - wave)[2:-2].abs().max()) < 3
