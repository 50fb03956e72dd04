"""Edits: the change that was asked for, the rest and the motion are told apart."""

from dataclasses import replace

import pytest

from spacetime_video.measure.scores.changes import Wanted, judge_edit
from spacetime_video.toyworld import draw_scene, render

FRAMES = 9
SCENE = draw_scene(991_000_400, kind="single", motion="moves right", duration=FRAMES / 16)
THING = SCENE.objects[0]
OTHER = "blue" if THING.colour != "blue" else "red"
CHANGED = replace(SCENE, setting="in the snow" if SCENE.setting != "in the snow" else "at day")
BOTH = replace(CHANGED, objects=(replace(THING, colour=OTHER),))


@pytest.fixture(scope="module")
def clips():
    return render([SCENE, CHANGED, BOTH], frames=FRAMES, height=64, width=64)


def judged(clips, video):
    track = clips.tracks[0, :, 0, :2]
    wanted = Wanted("setting", CHANGED.setting, THING.colour, THING.shape, track)
    return judge_edit(video, wanted, 16.0)


def test_each_part_of_an_edit_counts(clips):
    given, changed, both = clips.video
    parts = {
        "true": (changed, (True, True, True)),
        "unchanged": (given, (False, True, True)),
        "backwards": (changed.flip(0), (True, True, False)),
        "more changed": (both, (True, False, True)),
    }
    for name, (video, expected) in parts.items():
        found = judged(clips, video)
        assert (found.asked, found.kept, found.follows) == expected, name
        assert found.passed == all(expected), name
        assert found.alone, name


def test_a_clip_without_the_object_keeps_nothing(clips):
    empty = clips.video[1, :1].clone()
    empty[:] = empty.mean(dim=2, keepdim=True)
    found = judged(clips, empty.expand(FRAMES, -1, -1, -1))
    assert not found.follows
    assert not found.passed
