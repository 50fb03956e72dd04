"""What lies between: the true object passes, another colour, place or a heap of blocks does not."""

from dataclasses import replace

import pytest
import torch

from spacetime_video.measure.scores.between import Truth, judge_between
from spacetime_video.measure.timeline.spoiling import in_blocks
from spacetime_video.toyworld import draw_scene, render

SECONDS = 14 / 16
SCENE = draw_scene(991_000_300, kind="single", motion="moves right", duration=SECONDS)
THING = SCENE.objects[0]


@pytest.fixture(scope="module")
def clip():
    return render([SCENE], frames=14, height=64, width=64)


def judged(clip, video=None, **other):
    truth = Truth(THING.colour, THING.shape, clip.tracks[0, :, 0, :2])
    return judge_between(clip.video[0] if video is None else video, truth._replace(**other), 16.0)


def test_the_true_clip_passes(clip):
    assert all(judged(clip).values())


def test_every_part_of_the_truth_counts(clip):
    track = clip.tracks[0, :, 0, :2]
    colour = "red" if THING.colour != "red" else "blue"
    shape = "cone" if THING.shape != "cone" else "cube"
    for name, other in (
        ("its colour", {"colour": colour}),
        ("its shape", {"shape": shape}),
        ("its place", {"track": track + torch.tensor([4.0, 0.0])}),
    ):
        assert [key for key, passed in judged(clip, **other).items() if not passed] == [name]


def test_an_object_that_is_gone_on_the_way_fails(clip):
    gone = replace(SCENE, objects=(replace(THING, vanishes=7 / 16),))
    video = render([gone], frames=14, height=64, width=64).video[0]
    assert not judged(clip, video)["one object"]


def test_objects_that_fall_apart_into_blocks_fail_by_their_looks_alone():
    failed = {}
    for seed in (991_000_302, 991_000_314, 991_000_316, 991_000_326):
        scene = draw_scene(seed, kind="single", motion="moves right", duration=SECONDS)
        thing, true = scene.objects[0], render([scene], frames=14, height=64, width=64)
        truth = Truth(thing.colour, thing.shape, true.tracks[0, :, 0, :2])
        clips = {"true": true.video[0], "blocks": in_blocks(true.video, true.masks[:, :, 0])[0]}
        for name, clip in clips.items():
            verdict = judge_between(clip, truth, 16.0)
            failed[thing.shape, name] = [each for each, passed in verdict.items() if not passed]
    shapes = ("cube", "cylinder", "cone", "sphere")
    assert failed == {
        (shape, name): told
        for shape in shapes
        for name, told in (("true", []), ("blocks", ["its looks"]))
    }
