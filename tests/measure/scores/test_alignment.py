"""The meter on true renders, whole and spoiled, and against other clips' captions."""

import pytest
import torch
from einops import rearrange
from torch.nn import functional

from spacetime_video.measure.scores.alignment import judge, read_clip, read_frame
from spacetime_video.toyworld import SETTINGS, caption, draw_scene, parse_caption, render
from spacetime_video.toyworld.background import render_background
from spacetime_video.toyworld.camera import STILL_CAMERA

SEED = 990_000_000


def scenes_of(kind, count, duration=17 / 16):
    return [draw_scene(SEED + number, kind=kind, duration=duration) for number in range(count)]


def clips_of(scenes, frames=17, size=(64, 64), fps=16.0):
    return render(scenes, frames=frames, height=size[0], width=size[1], fps=fps).video


def blurred(video, seed=0):
    """Softened over four pixels with some grain, as a small decoder leaves it."""
    planes = rearrange(video, "b f h w c -> (b f) c h w")
    coarse = functional.interpolate(functional.avg_pool2d(planes, 4), scale_factor=4.0, mode="area")
    soft = 0.5 * coarse + 0.5 * functional.avg_pool2d(planes, 3, stride=1, padding=1)
    grain = torch.randn(soft.shape, generator=torch.Generator().manual_seed(seed))
    planes = (soft + 0.02 * grain).clamp(0, 1)
    return rearrange(planes, "(b f) c h w -> b f h w c", f=video.shape[1])


def share(readings, scenes, name):
    """How often what the captions ask for under a name is seen, of those that ask."""
    pairs = zip(readings, scenes, strict=True)
    verdicts = [judge(reading, parse_caption(caption(scene))) for reading, scene in pairs]
    asked = [verdict[name] for verdict in verdicts if name in verdict]
    return sum(asked) / len(asked)


@pytest.fixture(scope="module")
def scenes():
    return scenes_of("single", 24)


@pytest.fixture(scope="module")
def readings(scenes):
    return [read_clip(clip) for clip in clips_of(scenes)]


@pytest.mark.parametrize("name", ["colour", "setting", "shape", "motion"])
def test_true_clips_are_read(readings, scenes, name):
    assert share(readings, scenes, name) >= 0.91


@pytest.mark.parametrize("name", ["colour", "setting", "shape", "motion"])
def test_other_clips_captions_are_not(readings, scenes, name):
    assert share(readings, scenes[5:] + scenes[:5], name) < 0.55


def test_spoiled_clips_are_read(scenes):
    readings = [read_clip(clip) for clip in blurred(clips_of(scenes[:10]))]
    for name in ("colour", "setting", "shape", "motion"):
        assert share(readings, scenes[:10], name) >= 0.8


@pytest.mark.slow
@pytest.mark.parametrize("fps", [8.0, 12.0, 16.0, 24.0])
def test_two_hundred_true_clips_are_read(fps):
    scenes = scenes_of("single", 200, duration=17 / fps)
    readings = [read_clip(clip, fps) for clip in clips_of(scenes, fps=fps)]
    for name in ("colour", "setting", "shape"):
        assert share(readings, scenes, name) >= 0.97
    assert share(readings, scenes, "motion") >= 0.94


@pytest.mark.parametrize("size", [(64, 64), (48, 80), (80, 48), (96, 48), (48, 96)])
def test_pictures_are_read(size):
    scenes = scenes_of("single", 20)
    readings = [read_frame(clip[0]) for clip in clips_of(scenes, 1, size)]
    assert all(thing.motion is None for reading in readings for thing in reading.objects)
    for name in ("colour", "setting"):
        assert share(readings, scenes, name) >= 0.95


def test_two_objects_are_told_apart():
    scenes = scenes_of("relation", 10)
    readings = [read_clip(clip) for clip in clips_of(scenes)]
    for name in ("binding", "count", "relation"):
        assert share(readings, scenes, name) >= 0.8


@pytest.mark.parametrize("setting", SETTINGS)
def test_empty_pictures_have_a_setting_and_no_object(setting):
    empty = render_background(setting, height=64, width=64, camera=STILL_CAMERA).colour
    for picture in (empty, 1.06 * empty, blurred(empty[None, None])[0, 0]):
        reading = read_frame(picture)
        assert (reading.setting, reading.objects) == (setting, ())


def test_what_cannot_be_read_is_refused():
    with pytest.raises(ValueError, match=r"give \(F, H, W, 3\)"):
        read_clip(torch.zeros(1, 3, 4, 8, 8))
    with pytest.raises(ValueError, match="use a rate above 0"):
        read_clip(torch.zeros(2, 8, 8, 3), fps=0)
