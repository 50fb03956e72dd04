"""Pictures cut into parts that move: exact where the motion is, filled where nothing is known."""

import pytest
import torch

from spacetime_video.media.fit import Size
from spacetime_video.motion import Tracks
from spacetime_video.motion.camera import CameraMove, filled_up, seen_by
from spacetime_video.motion.field import moved, moved_picture, pixel_middles
from spacetime_video.motion.flow import flow_of, followed
from spacetime_video.motion.layers import animated, layers_of
from spacetime_video.motion.path import moved_along

SIZE = Size(48, 64)


def square(left, top, side):
    mask = torch.zeros(SIZE)
    mask[top : top + side, left : left + side] = 1
    return mask


def picture(mask):
    """A white thing on a slope of grey."""
    slope = torch.linspace(0.2, 0.4, SIZE.width).expand(SIZE)
    return torch.where(mask > 0.5, 1.0, slope)[..., None].repeat(1, 1, 3)


def line(*points):
    return torch.tensor(points, dtype=torch.float32)


def rotation(places, angle):
    turn = torch.tensor([[angle.cos(), angle.sin()], [-angle.sin(), angle.cos()]])
    return (places - 20) @ turn * 1.3 + 25


def test_a_place_goes_with_the_points_around_it():
    g = torch.Generator().manual_seed(1)
    before, places = (torch.rand(count, 2, generator=g) * 40 for count in (7, 30))
    angle = torch.tensor(0.6)
    together = moved(places, before, rotation(before, angle))
    assert torch.allclose(together, rotation(places, angle), atol=2e-2)
    alone = moved(places, before[:1], before[:1] + torch.tensor([3.0, -2.0]))
    assert torch.allclose(alone, places + torch.tensor([3.0, -2.0]), atol=1e-3)
    at_point = moved(before, before, before + torch.rand(7, 2, generator=g))
    assert torch.equal(moved(places, before, before).round(decimals=3), places.round(decimals=3))
    assert float((at_point - before).norm(dim=1).max()) < 1.5


def test_every_pixel_goes_with_the_points():
    before = torch.tensor([[10.0, 10.0], [50.0, 12.0], [20.0, 40.0]])
    whole = moved_picture(SIZE, before, before + torch.tensor([2.0, 1.0]))
    shift = whole - pixel_middles(SIZE)
    assert torch.allclose(shift, torch.tensor([2.0, 1.0]).expand_as(shift), atol=1e-3)


@pytest.mark.parametrize("move", [CameraMove(pan=20), CameraMove(tilt=10), CameraMove(orbit=25)])
def test_between_the_points_of_a_camera_lies_what_the_camera_shows(move):
    def seen(points):
        still = Tracks.seen(points[:, None].expand(-1, 2, -1))
        return seen_by(move, still, SIZE).places[:, -1]

    before = filled_up(None, SIZE, 2).starts
    true = seen(pixel_middles(SIZE).reshape(-1, 2))
    wrong = (moved_picture(SIZE, before, seen(before)).reshape(-1, 2) - true).norm(dim=1)
    assert float(wrong.mean()) < 0.004 * SIZE.width


def test_beyond_the_edge_of_a_picture_its_edge_goes_on():
    image = torch.rand(*SIZE, 3, generator=torch.Generator().manual_seed(3))
    for shift in (20, 900):
        moved_right = Tracks.seen(line((10, 10), (10 + shift, 10))[None])
        shown = animated(image, layers_of(None, moved_right, SIZE))
        uncovered = ~shown.moving[1]
        assert int(uncovered[5].sum()) == min(shift, SIZE.width)
        edge = image[:, :1].expand_as(image)
        assert torch.allclose(shown.frames[1][uncovered], edge[uncovered], atol=1e-4)


def test_behind_a_mask_of_everything_is_the_mean_colour():
    image = picture(square(8, 20, 10))
    gone = Tracks.seen(line((10, 10), (900, 10))[None])
    shown = animated(image, layers_of(torch.ones(SIZE), gone, SIZE))
    assert torch.allclose(shown.frames[1], image.mean((0, 1)).expand_as(image), atol=1e-5)


def test_what_lies_under_the_mask_moves_and_the_rest_stays():
    mask = square(8, 20, 10)
    image = picture(mask)
    tracks = moved_along(mask, line((0, 0), (24, 0)), 9)
    rough = animated(image, layers_of(mask, tracks, SIZE))
    assert torch.equal(rough.frames[0], image)
    assert torch.equal(rough.moving[0], mask > 0.5)
    for frame in range(9):
        where = square(8 + 3 * frame, 20, 10) > 0.5
        assert torch.equal(rough.moving[frame], where)
        assert float((rough.frames[frame][where] - 1).abs().max()) < 1e-3
    left = square(8, 20, 10) > 0.5
    assert float((rough.frames[-1] - picture(torch.zeros(SIZE)))[left].abs().max()) < 0.05
    untouched = torch.zeros(SIZE, dtype=torch.bool)
    untouched[:14] = True
    assert torch.equal(rough.frames[-1][untouched], image[untouched])


def test_things_of_one_mask_go_their_own_ways():
    one, other = square(5, 5, 8), square(40, 30, 8)
    both = torch.maximum(one, other)
    tracks = moved_along(one, line((0, 0), (10, 0)), 3).with_more(
        moved_along(other, line((0, 0), (0, -10)), 3)
    )
    rough = animated(picture(both), layers_of(both, tracks, SIZE))
    expected = torch.maximum(square(15, 5, 8), square(40, 20, 8)) > 0.5
    assert torch.equal(rough.moving[-1], expected)


def test_a_camera_moves_the_rest_too():
    mask = square(20, 20, 8)
    still = moved_along(mask, line((0, 0)), 5)
    tracks = seen_by(CameraMove(zoom=1.5), filled_up(still, SIZE, 5), SIZE)
    whole = animated(picture(mask), layers_of(None, tracks, SIZE))
    assert bool(whole.moving.all())
    left = seen_by(CameraMove(pan=-10), filled_up(None, SIZE, 5), SIZE)
    panned = animated(picture(mask), layers_of(None, left, SIZE))
    middle_row = panned.moving[-1, 24]
    assert not middle_row[:10].any()
    assert bool(middle_row[13:].all())
    parts = animated(picture(mask), layers_of(mask, tracks, SIZE))
    assert float((parts.frames - whole.frames).abs().mean()) < 0.02


def test_what_a_camera_has_turned_away_from_is_not_in_view():
    """Half a turn away, points lie behind the camera; after a whole turn, all is back."""
    mask = square(20, 20, 8)
    image = picture(mask)
    still = moved_along(mask, line((0, 0)), 17)
    tracks = seen_by(CameraMove(pan=360), filled_up(still, SIZE, 17), SIZE)
    away = ~tracks.visible.any(0)
    assert int(away.sum()) >= 5
    for parts in (layers_of(None, tracks, SIZE), layers_of(mask, tracks, SIZE)):
        rough = animated(image, parts)
        assert not rough.moving[3:14].any()
        assert torch.equal(rough.frames[away].amax((1, 2)), rough.frames[away].amin((1, 2)))
        torch.testing.assert_close(rough.frames[-1], image, atol=0.06, rtol=0)
        assert bool(rough.moving[-1][mask > 0.5].all())


def test_hidden_points_move_nothing_and_a_part_without_others_is_not_shown():
    mask = square(8, 20, 10)
    image = picture(mask)
    tracks = moved_along(mask, line((0, 0), (24, 0)), 9)
    wild = Tracks(tracks.places.clone(), tracks.visible.clone())
    wild.places[::2, 4:] = -900.0
    wild.visible[::2, 4:] = False
    rough = animated(image, layers_of(mask, wild, SIZE))
    assert torch.equal(rough.moving[-1], square(32, 20, 10) > 0.5)
    whole, seen = (flow_of(layers_of(mask, each, SIZE), SIZE).vectors for each in (tracks, wild))
    torch.testing.assert_close(seen, whole, atol=1e-3, rtol=0)
    gone = Tracks(tracks.places, tracks.visible & (torch.arange(9) != 6))
    parts = layers_of(mask, gone, SIZE)
    rough = animated(image, parts)
    assert [bool(each.any()) for each in rough.moving] == [True] * 6 + [False] + [True] * 2
    assert float((rough.frames[6] - picture(torch.zeros(SIZE))).abs().max()) < 0.05
    assert not flow_of(parts, SIZE).vectors[6].any()


def test_a_mask_without_tracks_is_told():
    tracks = Tracks.seen(torch.tensor([[[60.0, 4.0], [61.0, 4.0]]]))
    with pytest.raises(ValueError, match="none of 1 tracks begins in the white of the mask"):
        layers_of(square(5, 5, 8), tracks, SIZE)


def test_the_flow_is_what_the_parts_do():
    mask = square(8, 20, 10)
    tracks = moved_along(mask, line((0, 0), (24, 8)), 9)
    flow = flow_of(layers_of(mask, tracks, SIZE), SIZE)
    assert flow.frames == 9
    assert flow.vectors.shape == (8, *SIZE, 2)
    for frame in (0, 5):
        inside = square(8 + 3 * frame, 20 + frame, 10) > 0.5
        expected = torch.tensor([3.0, 1.0]) * inside[..., None]
        assert torch.allclose(flow.vectors[frame], expected, atol=1e-3)
    with pytest.raises(ValueError, match="tracks of one frame move nothing"):
        flow_of(layers_of(mask, tracks.at([0]), SIZE), SIZE)


def test_points_follow_a_flow():
    mask = square(8, 20, 10)
    tracks = moved_along(mask, line((0, 0), (24, 8), (30, 20)), 9)
    flow = flow_of(layers_of(mask, tracks, SIZE), SIZE)
    inner = tracks.only(((tracks.starts - torch.tensor([13.0, 25.0])).abs() < 3.5).all(1))
    again = followed(inner.starts, flow.vectors)
    assert len(inner) >= 4
    assert torch.allclose(again.places, inner.places, atol=0.05)
    away = followed(torch.tensor([[60.0, 5.0], [30.0, 5.0]]), [torch.full((*SIZE, 2), 3.0)] * 4)
    assert away.visible.tolist() == [[True, True, False, False, False], [True] * 5]
