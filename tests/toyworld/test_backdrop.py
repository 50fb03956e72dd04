import math
from dataclasses import replace

import pytest
import torch

from spacetime_video.toyworld import (
    SHAPES,
    Actions,
    Change,
    Scene,
    SceneObject,
    random_scene,
    render,
    renderer,
)
from spacetime_video.toyworld.backdrop import backdrop_of
from spacetime_video.toyworld.camera import Camera
from spacetime_video.toyworld.views import views

CUBE = SceneObject(shape="cube", colour="blue", size=1.6, x=-0.4, z=6.0, yaw=0.5)
CONE = SceneObject(shape="cone", colour="red", size=1.2, x=0.7, z=7.5)
PATHS = {
    "pan": {"camera": Camera(motion="pans left", speed=0.4)},
    "orbit": {"camera": Camera(motion="orbits right", speed=0.5)},
    "dolly": {"camera": Camera(motion="dollies in", speed=1.5)},
    "player": {"actions": Actions(target="camera", commands=("right", "forward"), rate=4.0)},
}


def brought_before(view, thing):
    """The object as it must stand before a still camera to be seen as from `view`."""
    eye_x, _, eye_z = view.eye.tolist()
    yaw = float(view.yaw)
    x, z = thing.x - eye_x, thing.z - eye_z
    cos, sin = math.cos(yaw), math.sin(yaw)
    return replace(thing, x=x * cos - z * sin, z=x * sin + z * cos, yaw=thing.yaw - yaw)


@pytest.mark.parametrize("path", PATHS)
def test_a_moving_camera_sees_what_a_still_one_would_if_the_world_moved(path):
    scene = Scene(objects=(CUBE, CONE), **PATHS[path])
    clip = render([scene], frames=3, height=48, width=48, fps=4)
    view = views(scene, torch.arange(3, dtype=torch.float64) / 4)
    stills = [
        Scene(objects=tuple(brought_before(view.at(frame), thing) for thing in scene.objects))
        for frame in range(3)
    ]
    expected = render(stills, frames=1, height=48, width=48)
    assert not torch.equal(clip.masks[0, 2], clip.masks[0, 0])
    assert (clip.masks[0] != expected.masks[:, 0]).sum() <= 2
    torch.testing.assert_close(clip.tracks[0], expected.tracks[:, 0], atol=1e-3, rtol=0)
    same = (clip.masks[0] == expected.masks[:, 0]).all(dim=1)
    torch.testing.assert_close(clip.depth[0][same], expected.depth[:, 0][same], rtol=1e-3, atol=0)


def test_the_floor_stays_where_it_is_under_a_moving_camera():
    scenes = [random_scene(1, setting="in the jungle")]
    moving = replace(scenes[0], camera=Camera(motion="dollies in", speed=1.0))
    seconds = torch.arange(2, dtype=torch.float64)
    backdrop = backdrop_of([moving], seconds, height=64, width=64, device="cpu")
    assert backdrop.place.tolist() == [[0, 1]]
    middle = backdrop.floor[:, :, 56, 32]
    torch.testing.assert_close(middle[1] - middle[0], torch.tensor([0.0, 1.0]))
    ahead = torch.tensor([[0.0, 0.0, 5.0], [0.0, 0.0, 6.0]])
    assert backdrop.view.at(0).project(ahead, 64, 64)[1].diff().abs() < 1e-4


@pytest.mark.parametrize("setting", ["in the jungle", "at day"])
def test_the_world_has_no_seam_behind_the_first_view(setting):
    camera = Camera(motion="pans left", speed=math.pi)
    scene = replace(random_scene(0, setting=setting), camera=camera)
    seconds = torch.tensor([0.0, 1.0, 2.0], dtype=torch.float64)
    colour = backdrop_of([scene], seconds, height=128, width=128, device="cpu").colour
    torch.testing.assert_close(colour[0], colour[2], atol=1e-2, rtol=0)
    steps = (colour[1, :50, 1:] - colour[1, :50, :-1]).abs().amax(dim=-1).mean(dim=0)
    assert steps[63] < 3 * steps[50:77].median() + 1e-3


def test_still_backgrounds_are_rendered_once_and_shared():
    scenes = [random_scene(seed, setting="at day") for seed in range(3)]
    scenes += [replace(scenes[0], style="cartoon"), random_scene(3, setting="at night")]
    scenes += [replace(scenes[0], camera=Camera(motion="pans left", speed=0.3))] * 2
    seconds = torch.arange(4, dtype=torch.float64) / 16
    backdrop = backdrop_of(scenes, seconds, height=16, width=16, device="cpu")
    assert backdrop.place.tolist() == [[0] * 4] * 3 + [[1] * 4, [2] * 4] + [[3, 4, 5, 6]] * 2
    assert len(backdrop.colour) == 7
    torch.testing.assert_close(backdrop.colour[3], backdrop.colour[0], atol=1e-5, rtol=0)


def test_a_camera_inside_of_an_object_does_not_see_it():
    ball = SceneObject(shape="sphere", colour="red", size=3.0, x=1.0, z=2.2)
    scene = Scene(objects=(ball,), camera=Camera(motion="dollies in", speed=2.0))
    clip = render([scene], frames=3, height=32, width=32, fps=1)
    assert clip.masks[0, 0].float().mean() > 0.4
    assert not clip.masks[0, 1:].any()


def test_boxes_leave_nothing_of_an_object_out(monkeypatch):
    generator = torch.Generator().manual_seed(0)
    scenes = []
    for number in range(40):
        x, z, size, yaw, pitch, speed = torch.rand(6, generator=generator).tolist()
        things = [
            SceneObject(shape=shape, colour="red", size=0.5 + 2 * size, x=3 * x - 1.5, z=z, yaw=yaw)
            for shape in (SHAPES[number % 4], "cube")
        ]
        camera = Camera(height=1.0 + 2 * x, pitch=pitch, motion="pans right", speed=6 * speed)
        scenes.append(Scene(objects=(things[0], replace(things[1], z=2 + 2 * z)), camera=camera))
    size = {"frames": 2, "height": 24, "width": 24, "fps": 1}
    masks = render(scenes, **size).masks
    monkeypatch.setattr(
        renderer, "boxes_of", lambda things, *_: torch.tensor([-1e6, 1e6] * 2).expand(40, 2, 2, 4)
    )
    assert masks.any(dim=-1).any(dim=-1).float().mean() > 0.3
    assert torch.equal(masks, render(scenes, **size).masks)


def test_backgrounds_that_change_are_rendered_for_every_frame():
    plain = random_scene(0, setting="at day")
    falls = replace(plain, change=Change(begin=0.0, end=1.0, setting="at night"))
    swap = replace(plain, objects=(CUBE, CONE), change=Change(begin=0.0, end=1.0, exchanges=True))
    seconds = torch.linspace(0, 1, 3, dtype=torch.float64)
    backdrop = backdrop_of([plain, falls, swap], seconds, height=16, width=16, device="cpu")
    assert backdrop.place.tolist() == [[0] * 3, [1, 2, 3], [0] * 3]
    assert [setting.disc_size for setting in backdrop.settings[1]] == [0.0, 0.045, 0.045]
