from dataclasses import replace

import pytest
import torch

from spacetime_video.toyworld import STYLES, Change, Scene, SceneObject, render
from spacetime_video.toyworld.camera import STILL_CAMERA, Camera

MOVER = SceneObject(
    shape="cube", colour="red", motion="moves right", size=1.2, x=-1.2, z=6.0, speed=2.0, trail=True
)


def painted(*things, frames=5, fps=4.0, size=64, **options):
    """What the trails add to each frame (F, H, W)."""
    bare = tuple(replace(thing, trail=False) for thing in things)
    scenes = [Scene(objects=objects, **options) for objects in (things, bare)]
    video = render(scenes, frames=frames, height=size, width=size, fps=fps).video
    return (video[0] - video[1]).abs().amax(dim=-1)


def pixel(x, z, camera=STILL_CAMERA):
    column, row, _ = camera.project(torch.tensor([x, 0.0, z]), 64, 64)
    return int(row), int(column)


@pytest.mark.parametrize("style", STYLES)
def test_a_trail_is_where_the_object_has_been(style):
    change = painted(MOVER, style=style)
    behind, ahead = pixel(-1.0, 5.75), pixel(0.6, 5.75)
    assert change[0, *ahead] == 0
    assert change[3, *behind] > 0.15
    assert change[-1, *pixel(1.7, 5.75)] == 0
    assert (change > 0.1).sum(dim=(1, 2)).diff().min() > 0


def test_a_trail_is_as_wide_as_the_object():
    row = [float(painted(MOVER)[-1][pixel(-0.9, z)]) > 0.1 for z in (5.2, 5.6, 6.0, 6.4, 6.8)]
    assert row == [False, True, True, True, False]


def test_a_trail_has_the_accent_of_its_object():
    scene = Scene(objects=(MOVER,), style="cartoon", setting="in the snow")
    video = render([scene], frames=5, height=64, width=64, fps=4).video
    spot = video[0, -1][pixel(-0.9, 6.0)]
    torch.testing.assert_close(spot, 0.7 * torch.tensor([0.88, 0.09, 0.09]), atol=0.02, rtol=0)


def test_the_frame_rate_changes_no_trail():
    circle = replace(MOVER, motion="circles", speed=3.0, reach=0.9, x=0.0)
    slow, fast = painted(circle, frames=3, fps=4.0), painted(circle, frames=9, fps=16.0)
    torch.testing.assert_close(slow, fast[::4], atol=1e-4, rtol=0)


def test_nothing_is_painted_from_the_air():
    falling = SceneObject(shape="sphere", colour="red", motion="falls", y=3.0, trail=True)
    assert painted(falling, frames=2, fps=8.0).max() == 0


def test_a_moving_camera_sees_the_trail_where_it_lies():
    camera = Camera(motion="orbits left", speed=0.3)
    change = painted(MOVER, camera=camera)
    view = camera.view(torch.arange(5) / 4)
    spots = torch.tensor([[-0.9, 0.0, 6.0], [-0.9, 0.0, 4.6]])
    for spot, lies in zip(spots, (True, False), strict=True):
        column, row, _ = view.at(-1).project(spot, 64, 64)
        assert (change[-1, int(row), int(column)] > 0.1) == lies


def test_trails_of_a_mixed_batch_stay_in_their_scenes():
    scenes = [Scene(objects=(replace(MOVER, trail=trail),)) for trail in (True, False)]
    both = render(scenes, frames=3, height=32, width=32, fps=4).video
    alone = render(scenes[1:], frames=3, height=32, width=32, fps=4).video
    torch.testing.assert_close(both[1:], alone)
    assert (both[0] - both[1]).abs().max() > 0.1


def test_only_what_is_there_paints():
    late = painted(replace(MOVER, appears=0.6))
    assert late[:3].max() == 0
    assert late[4, *pixel(-1.0, 5.75)] == 0
    assert painted(replace(MOVER, vanishes=0.6))[4, *pixel(-1.0, 5.75)] > 0.15


def test_paint_is_lit_by_the_hour():
    change = Change(begin=0.0, end=1.0, setting="at night")
    scene = Scene(objects=(MOVER,), change=change)
    by_night = replace(scene, setting="at night", change=None)
    video = render([scene, by_night], frames=5, height=64, width=64, fps=4).video[:, -1]
    torch.testing.assert_close(video[0], video[1])
