from dataclasses import replace

import pytest
import torch

from spacetime_video.toyworld import COLOURS, SETTINGS, SHAPES, Scene, SceneObject, render
from spacetime_video.toyworld.background import render_background
from spacetime_video.toyworld.camera import STILL_CAMERA
from spacetime_video.toyworld.shading import paint_of
from spacetime_video.toyworld.styles import INK


def drawn(style, setting="at day", size=64, **looks):
    thing = SceneObject(**{"shape": "cube", "colour": "red", "size": 1.6, "yaw": 0.6, **looks})
    scene = Scene(objects=(thing,), style=style, setting=setting)
    return render([scene], frames=1, height=size, width=size)


def inner(clip):
    """The pixels inside of the object, away from its outline."""
    mask = clip.masks[0, 0].float()
    return -torch.nn.functional.max_pool2d(-mask, 9, stride=1, padding=4)[0] > 0.5


@pytest.mark.parametrize("shape", SHAPES)
def test_a_cartoon_is_flat_within_a_dark_outline(shape):
    clip = drawn("cartoon", shape=shape, size=128)
    colours = (clip.video[0, 0][inner(clip)] * 255).round().unique(dim=0, return_counts=True)
    flat = colours[0][colours[1] > 0.1 * colours[1].sum()] / 255
    base, accent = paint_of("red")
    tones = torch.stack([base, accent, 0.78 * base, 0.78 * accent])
    assert 1 <= len(flat) <= 4
    assert torch.cdist(flat, tones).amin(dim=1).max() < 0.01
    assert (clip.video[0, 0][clip.masks[0, 0, 0]].amax(dim=-1) < INK + 0.01).sum() > 20


def test_styles_change_nothing_but_the_colours():
    shaded, cartoon = drawn("shaded"), drawn("cartoon")
    assert torch.equal(shaded.masks, cartoon.masks)
    assert torch.equal(shaded.depth, cartoon.depth)
    assert torch.equal(shaded.tracks, cartoon.tracks)
    assert (shaded.video - cartoon.video).abs().mean() > 0.02


def test_cartoon_objects_look_the_same_at_any_hour():
    clips = [drawn("cartoon", setting=setting) for setting in ("at day", "at night")]
    means = [clip.video[0, 0][inner(clip)].mean(dim=0) for clip in clips]
    torch.testing.assert_close(means[0], means[1], atol=0.02, rtol=0)


@pytest.mark.parametrize("setting", SETTINGS)
def test_cartoon_backgrounds_have_few_colours(setting):
    background = render_background(
        setting, height=64, width=64, camera=STILL_CAMERA, style="cartoon"
    ).colour
    levels = (background * 255).round().flatten(0, 1)
    _, counts = levels.unique(dim=0, return_counts=True)
    assert counts.topk(5).values.sum() > 0.85 * len(levels)


@pytest.mark.parametrize("setting", SETTINGS)
def test_cartoon_colours_stand_out_from_the_floor(setting):
    clips = [drawn("cartoon", setting=setting, colour=colour) for colour in COLOURS]
    floor = clips[0].video[0, 0, 60, 32]
    for clip in clips:
        contrast = (clip.video[0, 0][clip.masks[0, 0, 0]] - floor).abs().amax(dim=-1)
        assert contrast.mean() > 0.12


def test_outlines_keep_their_share_of_the_picture():
    def share(size, z):
        clip = drawn("cartoon", colour="white", shape="sphere", size=size, z=z)
        dark = clip.video[0, 0].amax(dim=-1) < 0.35
        return float((dark & clip.masks[0, 0, 0]).sum()) / float(clip.masks.sum()) ** 0.5 / size

    assert share(128, 5.0) == pytest.approx(share(256, 5.0), rel=0.2)
    assert share(256, 5.0) == pytest.approx(share(256, 8.0), rel=0.2)


def test_an_unknown_style_is_refused():
    with pytest.raises(ValueError, match="unknown style 'oil'"):
        replace(Scene(objects=(SceneObject(shape="cube", colour="red"),)), style="oil")
