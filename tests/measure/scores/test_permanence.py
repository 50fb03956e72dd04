"""Objects of the world that pass behind another one, and clips in which they do not come back."""

from dataclasses import replace

import pytest
import torch

from spacetime_video.measure.scores.permanence import (
    is_hidden,
    keeps_colour,
    keeps_shape,
    read_passage,
)
from spacetime_video.toyworld import Scene, SceneObject, draw_scene, render

SEED = 991_000_000
COUNT = 6


def clips_of(scenes):
    return render(scenes, frames=17, height=64, width=64, fps=16.0).video


def changed(scene, **values):
    """The scene with another object in place of the first one."""
    return replace(scene, objects=(replace(scene.objects[0], **values), *scene.objects[1:]))


def swapped(before, after):
    """Clips that show one scene until the middle, where the object is hidden, then another."""
    return torch.cat((clips_of(before)[:, :9], clips_of(after)[:, 9:]), dim=1)


@pytest.fixture(scope="module")
def scenes():
    return [draw_scene(SEED + number, kind="occlusion") for number in range(COUNT)]


def test_true_occlusions_are_known(scenes):
    passages = [read_passage(clip) for clip in clips_of(scenes)]
    colours = [scene.objects[0].colour for scene in scenes]
    told = list(zip(passages, colours, strict=True))
    assert sum(is_hidden(*each) for each in told) >= COUNT - 1
    assert sum(keeps_colour(*each) for each in told) >= COUNT - 1
    assert sum(keeps_shape(*each) for each in told) >= COUNT - 2
    fronts = [scene.objects[1].colour for scene in scenes]
    assert not any(is_hidden(*each) for each in zip(passages, fronts, strict=True))


def test_another_colour_behind_the_occluder_is_noticed(scenes):
    others = [
        next(c for c in ("red", "blue", "white") if c not in {t.colour for t in scene.objects})
        for scene in scenes
    ]
    after = [changed(scene, colour=other) for scene, other in zip(scenes, others, strict=True)]
    for scene, clip in zip(scenes, swapped(scenes, after), strict=True):
        passage, colour = read_passage(clip), scene.objects[0].colour
        assert is_hidden(passage, colour)
        assert not keeps_colour(passage, colour)
        assert not keeps_shape(passage, colour)


def test_another_shape_behind_the_occluder_is_noticed():
    cone = SceneObject(shape="cone", colour="red", motion="moves right", x=-2.0, z=8.0, speed=4.0)
    scene = Scene(objects=(cone, SceneObject(shape="cube", colour="blue", size=1.6, z=5.8)))
    (clip,) = swapped([scene], [changed(scene, shape="sphere")])
    passage = read_passage(clip)
    assert is_hidden(passage, "red")
    assert keeps_colour(passage, "red")
    assert not keeps_shape(passage, "red")
