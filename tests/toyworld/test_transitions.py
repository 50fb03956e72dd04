import math
from dataclasses import replace
from itertools import pairwise

import pytest
import torch

from spacetime_video.toyworld import SETTINGS, Change, Scene, SceneObject, render
from spacetime_video.toyworld.camera import Camera
from spacetime_video.toyworld.transitions import between, settings_of
from spacetime_video.toyworld.views import views

BALL = SceneObject(shape="sphere", colour="red")
TURN = 1.1
COS, SIN = math.cos(TURN), math.sin(TURN)
NIGHT_FALLS = Scene(objects=(BALL,), change=Change(begin=0.2, end=0.8, setting="at night"))
PANS_AWAY = Scene(
    objects=(BALL,),
    setting="in the jungle",
    camera=Camera(motion="pans right", speed=TURN / 0.6, begin=0.2, end=0.8),
    change=Change(begin=0.2, end=0.8, setting="in the snow"),
)


def clip_of(*scenes, size=64, **options):
    return render(scenes, **{"frames": 9, "height": size, "width": size, "fps": 8, **options})


def brightness(setting):
    return sum(setting.zenith) + sum(setting.light_colour) + sum(setting.floor_near)


@pytest.mark.parametrize(("first", "second"), [("at day", "at night"), ("at night", "at sunset")])
def test_a_setting_goes_over_smoothly(first, second):
    steps = [between(first, second, share / 20) for share in range(21)]
    assert (steps[0], steps[-1]) == (SETTINGS[first], SETTINGS[second])
    changes = [brightness(b) - brightness(a) for a, b in pairwise(steps)]
    assert max(changes) - min(changes) < 1e-9


def test_the_sun_sinks_and_then_the_moon_rises():
    steps = [between("at sunset", "at night", share / 10) for share in range(11)]
    heights = [step.disc[1] for step in steps]
    assert heights[:5] == sorted(heights[:5], reverse=True)
    assert heights[5:] == sorted(heights[5:])
    assert max(heights[4:6]) < 0
    sun, moon = (SETTINGS[name].disc_colour for name in ("at sunset", "at night"))
    assert [step.disc_colour for step in steps] == [sun] * 5 + [moon] * 6


def test_the_sun_comes_down_from_above_at_sunset():
    steps = [between("at day", "at sunset", share / 10) for share in range(1, 11)]
    heights = [step.disc[1] for step in steps]
    assert heights == sorted(heights, reverse=True)
    assert heights[0] > 0.5
    assert heights[-1] == SETTINGS["at sunset"].disc[1]


@pytest.mark.parametrize("style", ["shaded", "cartoon"])
def test_only_colours_change_when_night_falls(style):
    scene = replace(NIGHT_FALLS, style=style)
    by_day, by_night = replace(scene, change=None), replace(scene, change=None, setting="at night")
    clip = clip_of(scene, by_day, by_night)
    for name in ("masks", "depth", "tracks"):
        whole = getattr(clip, name)
        assert torch.equal(whole[0], whole[1])
    torch.testing.assert_close(clip.video[0, :2], clip.video[1, :2])
    torch.testing.assert_close(clip.video[0, 7:], clip.video[2, 7:])
    light = clip.video[0].mean(dim=(1, 2, 3))
    assert (light[1:7].diff() < -0.005).all()


def test_night_falls_on_the_object_too():
    clip = clip_of(NIGHT_FALLS)
    inside = [clip.video[0, k][clip.masks[0, k, 0]].mean() for k in range(9)]
    assert inside[0] > inside[4] > inside[8]


def test_light_changes_alike_in_parts_of_a_clip():
    whole, part = clip_of(NIGHT_FALLS), clip_of(NIGHT_FALLS, frames=4, first=3)
    torch.testing.assert_close(whole.video[:, 3:7], part.video)


def test_scenes_that_change_share_a_batch_with_others():
    still = Scene(objects=(BALL, replace(BALL, x=1.0, colour="blue")), setting="at night")
    together = clip_of(NIGHT_FALLS, still, PANS_AWAY, size=32)
    for row, scene in enumerate((NIGHT_FALLS, still, PANS_AWAY)):
        alone = clip_of(scene, size=32).video[0]
        torch.testing.assert_close(together.video[row], alone, atol=1e-5, rtol=0)


@pytest.mark.parametrize("setting", ["in the snow", "at sunset"])
def test_another_setting_lies_where_the_camera_turns_to(setting):
    """Both ends are what a still camera sees of each, sun, light and shadow included."""
    cone = SceneObject(shape="cone", colour="green", x=-0.4, z=6.5)
    x, z = cone.x * COS + cone.z * SIN, cone.z * COS - cone.x * SIN
    ahead = replace(cone, x=x, z=z, yaw=TURN)
    change = replace(PANS_AWAY.change, setting=setting, exchanges=True)
    pan = replace(PANS_AWAY, objects=(BALL, ahead), change=change)
    still = Scene(objects=(BALL,), setting="in the jungle"), Scene(objects=(cone,), setting=setting)
    clip = clip_of(pan, *still)
    torch.testing.assert_close(clip.video[0, 0], clip.video[1, 0], atol=0.02, rtol=0)
    torch.testing.assert_close(clip.video[0, -1], clip.video[2, 0], atol=0.02, rtol=0)
    torch.testing.assert_close(clip.depth[0, -1], clip.depth[2, 0], atol=0.01, rtol=1e-3)
    assert torch.equal(clip.masks[0, -1, 1], clip.masks[2, 0, 0])
    halves = clip.video[0, 4, :, :24].mean(dim=(0, 1)), clip.video[0, 4, :, -24:].mean(dim=(0, 1))
    assert (halves[0] - halves[1]).abs().max() > 0.1


def test_the_border_between_settings_stands_in_the_world():
    """What is seen in two frames is the same wherever it is in the picture."""
    view = PANS_AWAY.camera.view(torch.tensor([0.45, 0.5], dtype=torch.float64))
    far = torch.tensor([math.sin(0.5), 0.05, math.cos(0.5)], dtype=torch.float64) * 1000
    x, y, _ = (part.long().tolist() for part in view.project(far, 256, 256))
    clip = clip_of(PANS_AWAY, frames=2, first=9, fps=20, size=256)
    ridges = [clip.video[0, frame, y[frame], x[frame]] for frame in range(2)]
    assert abs(x[0] - x[1]) > 30
    torch.testing.assert_close(ridges[0], ridges[1], atol=0.02, rtol=0)
    for name in ("in the jungle", "in the snow"):
        assert (ridges[0] - torch.tensor(SETTINGS[name].ridge)).abs().max() > 0.1


def test_the_light_is_that_of_where_the_camera_looks():
    seconds = torch.tensor([0.0, 0.5, 1.0], dtype=torch.float64)
    lit = settings_of(PANS_AWAY, seconds, views(PANS_AWAY, seconds))
    assert lit[0] == SETTINGS["in the jungle"]
    half_way = between("in the jungle", "in the snow", 0.5)
    assert lit[2].light_colour == SETTINGS["in the snow"].light_colour
    assert lit[1].light_colour == pytest.approx(half_way.light_colour)
