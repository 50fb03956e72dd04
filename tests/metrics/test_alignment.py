import pytest
import torch
from einops import rearrange
from torch.nn import functional

from spacetime_video.metrics.alignment import read_clip, read_frame
from spacetime_video.toyworld import SETTINGS, random_scene, render
from spacetime_video.toyworld.background import render_background
from spacetime_video.toyworld.camera import STILL_CAMERA

CLIPS = 200


def blurred(video, seed=0):
    """Softened over four pixels with some grain, as a small decoder leaves it."""
    planes = rearrange(video, "b f h w c -> (b f) c h w")
    coarse = functional.interpolate(functional.avg_pool2d(planes, 4), scale_factor=4.0, mode="area")
    soft = 0.5 * coarse + 0.5 * functional.avg_pool2d(planes, 3, stride=1, padding=1)
    grain = torch.randn(soft.shape, generator=torch.Generator().manual_seed(seed))
    planes = (soft + 0.02 * grain).clamp(0, 1)
    return rearrange(planes, "(b f) c h w -> b f h w c", f=video.shape[1])


def empty(setting, size=64):
    return render_background(setting, height=size, width=size, camera=STILL_CAMERA).colour


@pytest.fixture(scope="module")
def scenes():
    return [random_scene(seed) for seed in range(5000, 5000 + CLIPS)]


@pytest.fixture(scope="module")
def clips(scenes):
    return render(scenes, frames=2, height=64, width=64, fps=2).video


def score(readings, scenes):
    colours = sum(
        reading.colour == scene.objects[0].colour
        for reading, scene in zip(readings, scenes, strict=True)
    )
    settings = sum(
        reading.setting == scene.setting for reading, scene in zip(readings, scenes, strict=True)
    )
    return colours / len(scenes), settings / len(scenes)


def test_true_clips_are_read_and_shuffled_prompts_are_not(scenes, clips):
    readings = [read_clip(clip) for clip in clips]
    colour, setting = score(readings, scenes)
    assert colour >= 0.97
    assert setting >= 0.97
    colour, setting = score(readings, scenes[7:] + scenes[:7])
    assert colour < 0.25
    assert setting < 0.35


def test_blurred_frames_are_read(scenes, clips):
    readings = [read_frame(frame) for frame in blurred(clips[:100, :1])[:, 0]]
    colour, setting = score(readings, scenes[:100])
    assert colour >= 0.95
    assert setting >= 0.97


@pytest.mark.parametrize("setting", SETTINGS)
def test_empty_pictures_have_a_setting_and_no_object(setting):
    for picture in (empty(setting), 1.06 * empty(setting), blurred(empty(setting)[None, None])[0]):
        reading = read_frame(picture if picture.ndim == 3 else picture[0])
        assert (reading.present, reading.colour, reading.setting) == (False, None, setting)


@pytest.mark.parametrize("size", [(48, 80), (80, 48), (96, 96)])
def test_other_sizes_are_read(size):
    scenes = [random_scene(seed) for seed in range(20)]
    clips = render(scenes, frames=1, height=size[0], width=size[1]).video
    colour, setting = score([read_clip(clip) for clip in clips], scenes)
    assert colour >= 0.95
    assert setting == 1


def test_motions_are_read():
    scenes = [random_scene(seed) for seed in range(24)]
    clips = render(scenes, frames=17, height=64, width=64).video
    right = sum(
        read_clip(clip).motion == scene.objects[0].motion
        for clip, scene in zip(clips, scenes, strict=True)
    )
    assert right >= 22


def test_one_frame_has_no_motion():
    reading = read_frame(render([random_scene(0)], frames=1, height=64, width=64).video[0, 0])
    assert reading.present
    assert reading.motion is None


def test_a_tensor_that_is_no_clip_is_refused():
    with pytest.raises(ValueError, match=r"give \(F, H, W, 3\)"):
        read_clip(torch.zeros(1, 3, 4, 8, 8))
