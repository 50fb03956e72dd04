"""Scenes that end otherwise than they begin: the ends, and that the cause hides what it should."""

from collections import Counter
from dataclasses import replace
from functools import cache

import pytest
import torch

from spacetime_video.toyworld import SETTINGS, draw_scene, render
from spacetime_video.toyworld.motion import extent
from spacetime_video.toyworld.transitions import HOURS

DURATION = 17 / 16
SIZES = [(64, 64), (48, 80), (80, 48), (48, 96), (96, 48)]

every_size = pytest.mark.parametrize("size", SIZES)


@cache
def drawn(cause):
    scenes = (draw_scene(seed, kind="changes") for seed in range(60))
    return [scene for scene in scenes if cause_of(scene) == cause][:8]


def cause_of(scene):
    if scene.change.exchanges:
        return "pan" if scene.camera.moves else "passage"
    return "hours"


def two_frames(scenes, second, size):
    """The first frame and the one at a time."""
    return render(scenes, frames=2, height=size[0], width=size[1], fps=1 / second)


def seen(clip):
    return clip.masks.flatten(3).any(dim=-1)  # (B, F, O)


def test_all_causes_are_drawn_and_night_falls_only_where_there_are_hours():
    scenes = [draw_scene(seed, kind="changes") for seed in range(200)]
    causes = Counter(map(cause_of, scenes))
    assert min(causes[cause] for cause in ("pan", "passage", "hours")) > 25
    for scene in scenes:
        if cause_of(scene) == "hours":
            assert {scene.setting, scene.change.setting} <= set(HOURS)
    elsewhere = Counter(scene.change.setting for scene in scenes if scene.camera.moves)
    assert set(elsewhere) == {None, *SETTINGS}
    assert {scene.camera.motion for scene in scenes} == {"still", "pans left", "pans right"}


@pytest.mark.parametrize("setting", SETTINGS)
def test_changes_begin_where_they_are_told_to(setting):
    for seed in range(12):
        scene = draw_scene(seed, kind="changes", setting=setting)
        assert scene.setting == setting != scene.change.setting


@every_size
def test_a_pan_shows_one_object_whole_and_then_the_other(size):
    clip = two_frames(drawn("pan"), DURATION, size)
    assert seen(clip).tolist() == [[[True, False], [False, True]]] * 8
    for frame, thing in ((0, 0), (1, 1)):
        mask = clip.masks[:, frame, thing]
        assert not mask[..., [0, -1]].any()
        assert mask.sum(dim=(1, 2)).min() > 60


@every_size
def test_nothing_is_seen_of_an_exchange_behind_what_passes(size):
    """At the moment of it the picture is the same with either object, their shadows included."""
    for scene in drawn("passage"):
        before, screen, after = scene.objects
        assert before.vanishes == after.appears
        either = [
            replace(scene, change=None, objects=(replace(thing, appears=0, vanishes=None), screen))
            for thing in (before, after)
        ]
        one, other = two_frames(either, before.vanishes, size).video[:, 1]
        torch.testing.assert_close(one, other, atol=1e-4, rtol=0)


@every_size
def test_what_passes_is_gone_at_both_ends(size):
    for scene in drawn("passage"):
        clip = two_frames([scene], scene.change.end, size)
        assert seen(clip)[0].tolist() == [[True, False, False], [False, False, True]]
        assert 0 <= scene.change.begin < scene.change.end <= DURATION


def test_what_passes_touches_nothing():
    for scene in drawn("passage"):
        states = render([scene], frames=17, height=8, width=8).states
        assert not states.contacts[..., :-1].any()
        assert states.contacts[0, :, 1, -1].all()
        assert extent(scene.objects[1]) < scene.objects[1].z - 0.5


def test_exchanged_objects_are_nowhere_while_they_are_not_there():
    scene = drawn("passage")[0]
    clip = render([scene], frames=17, height=32, width=32)
    gone = torch.arange(17) / 16 >= scene.objects[0].vanishes
    for thing, away in ((0, gone), (2, ~gone)):
        assert 0 < away.sum() < 17
        assert not clip.masks[0, away, thing].any()
        assert not clip.tracks[0, away, thing].any()
        for part in clip.states:
            assert not part[0, away, thing].any()
        assert clip.tracks[0, ~away, thing, :2].all()
        assert clip.states.centre[0, ~away, thing].any(dim=-1).all()


def test_objects_go_on_while_the_hour_changes():
    scenes = drawn("hours")
    clip = render(scenes, frames=17, height=48, width=48)
    plain = render(
        [replace(scene, change=None) for scene in scenes], frames=17, height=48, width=48
    )
    for name in ("masks", "depth", "tracks"):
        assert torch.equal(getattr(clip, name), getattr(plain, name))
    assert {len(scene.objects) for scene in scenes} == {1, 2}
    for b, scene in enumerate(scenes):
        assert seen(clip)[b, :, : len(scene.objects)].all()
