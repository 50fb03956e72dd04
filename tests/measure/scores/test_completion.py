"""Half-hidden objects: whole ones pass; halves, others and displaced ones do not."""

import pytest

from spacetime_video.measure.scores.between import Truth
from spacetime_video.measure.scores.completion import area_of, judge_completion
from spacetime_video.toyworld import draw_scene, render
from spacetime_video.toyworld.background import render_background

FRAMES = 5
SCENE = draw_scene(991_000_500, kind="single", motion="spins", duration=FRAMES / 16)
THING = SCENE.objects[0]


@pytest.fixture(scope="module")
def clip():
    return render([SCENE], frames=FRAMES, height=64, width=64)


def judged(clip, video, **other):
    truth = Truth(THING.colour, THING.shape, clip.tracks[0, :, 0, :2])
    return judge_completion(video, truth._replace(**other), area_of(clip.video[0], 16.0), 16.0)


def test_the_true_object_is_whole(clip):
    assert all(judged(clip, clip.video[0]))


def test_half_an_object_and_another_place_fail(clip):
    empty = render_background(SCENE.setting, height=64, width=64, camera=SCENE.camera).colour
    middle = round(float(clip.tracks[0, :, 0, 0].mean()))
    half, none = clip.video[0].clone(), clip.video[0].clone()
    half[:, :, middle:] = empty[:, middle:]
    none[:] = empty
    assert not judged(clip, half).area
    assert not any(judged(clip, none))
    assert not judged(clip, clip.video[0].roll(4, 2)).place


def test_colour_and_shape_are_those_asked_for(clip):
    colour = "red" if THING.colour != "red" else "blue"
    shape = "cone" if THING.shape != "cone" else "cube"
    assert not judged(clip, clip.video[0], colour=colour).colour
    assert not judged(clip, clip.video[0], shape=shape).shape
