"""Camera moves against what a pinhole camera does."""

import math

import pytest
import torch

from spacetime_video.media.fit import Size
from spacetime_video.motion import Tracks
from spacetime_video.motion.camera import CameraMove, filled_up, grid, seen_by

SIZE = Size(48, 64)
MIDDLE = torch.tensor([32.0, 24.0])


def ends(points, nearness=None, plane=0.5, **move):
    still = Tracks.seen(torch.tensor(points, dtype=torch.float32)[:, None].expand(-1, 5, -1))
    near = None if nearness is None else torch.tensor(nearness)
    return seen_by(CameraMove(**move), still, SIZE, near, plane).places[:, -1]


def test_a_camera_at_rest_shows_what_was_there():
    tracks = filled_up(None, SIZE, 5)
    assert torch.allclose(seen_by(CameraMove(), tracks, SIZE).places, tracks.places, atol=1e-4)


@pytest.mark.parametrize(
    ("move", "sign"),
    [
        ({"pan": 5}, (-1, 0)),
        ({"tilt": 5}, (0, 1)),
        ({"pan": -5}, (1, 0)),
    ],
)
def test_turning_moves_the_middle_by_the_tangent_of_the_angle(move, sign):
    (moved,) = ends([[32, 24]], **move) - MIDDLE
    assert moved.tolist() == pytest.approx([64 * math.tan(math.radians(5)) * s for s in sign])


def test_zoom_and_dolly_enlarge_and_roll_turns():
    corner = [[48.0, 32.0]]
    assert ends(corner, zoom=2)[0].tolist() == pytest.approx([64, 40])
    assert ends(corner, dolly=0.5)[0].tolist() == pytest.approx([64, 40])
    assert ends(corner, roll=90)[0].tolist() == pytest.approx([40, 8])


def test_near_things_move_more_and_the_plane_stays():
    near, plane, far = ends([[32, 24]] * 3, [0.9, 0.5, 0.1], orbit=10) - MIDDLE
    assert abs(float(plane[0])) < 1e-4
    assert float(near[0]) < -2 < 2 < float(far[0])
    zoomed = ends([[42, 24]] * 3, [0.9, 0.5, 0.1], dolly=0.3)[:, 0] - 32
    assert float(zoomed[0]) > float(zoomed[1]) > float(zoomed[2]) > 10


def test_what_is_behind_the_camera_is_not_seen():
    still = Tracks.seen(torch.tensor([[[32.0, 24.0]] * 3] * 2))
    tracks = seen_by(CameraMove(dolly=0.9), still, SIZE, torch.tensor([1.0, 0.0]), 0.5)
    assert tracks.visible.tolist() == [[True, True, False], [True, True, True]]


def test_moves_in_a_row_and_things_that_move_by_themselves():
    pan = CameraMove(pan=4, end=0.5)
    zoom = CameraMove(zoom=2, start=0.5)
    tracks = filled_up(None, SIZE, 9)
    both = seen_by(zoom, seen_by(pan, tracks, SIZE), SIZE)
    first = seen_by(CameraMove(pan=4), filled_up(None, SIZE, 5), SIZE)
    assert torch.allclose(both.places[:, :5], first.places, atol=1e-4)
    assert torch.allclose(both.places[:, 8] - MIDDLE, 2 * (first.places[:, 4] - MIDDLE), atol=1e-3)


def test_the_grid_fills_up_where_nothing_begins():
    assert filled_up(None, SIZE, 3).places.shape == (len(grid(SIZE)), 3, 2)
    thing = Tracks.seen(torch.tensor([[[16.0, 14.0], [30.0, 20.0]]]))
    more = filled_up(thing, SIZE, 2)
    assert torch.equal(more.places[0], thing.places[0])
    assert len(more) == len(grid(SIZE))
    assert len(filled_up(more, SIZE, 2)) <= len(more) + 1


def test_a_small_grid_is_sparser():
    assert [len(grid(Size(*size))) for size in ((64, 64), (48, 80), (480, 832))] == [36, 40, 84]


@pytest.mark.parametrize(("move", "told"), [({"zoom": 0}, "zoom=0"), ({"dolly": 1}, "dolly=1")])
def test_moves_that_cannot_be(move, told):
    with pytest.raises(ValueError, match=told):
        CameraMove(**move)
