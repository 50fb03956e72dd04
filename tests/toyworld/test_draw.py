import hashlib
import time
from collections import Counter
from dataclasses import fields
from functools import cache
from itertools import pairwise

import pytest
import torch

from spacetime_video.toyworld import (
    COLOURS,
    KINDS,
    MIXTURE,
    MOTIONS,
    SETTINGS,
    SHAPES,
    SIZES,
    collisions,
    detailed_caption,
    draw_scene,
    random_scene,
    render,
    simulate,
)
from spacetime_video.toyworld.camera import CAMERA_MOTIONS
from spacetime_video.toyworld.motion import extent
from spacetime_video.toyworld.views import views

DURATION = 17 / 16
SEEDS = range(16)
MOMENTS = torch.arange(18, dtype=torch.float64) / 16

CONSTRAINTS = (
    {},
    {"shape": "cube"},
    {"colour": "white", "setting": "in the snow"},
    {"motion": "bounces"},
    {"motion": "circles", "duration": 1.0},
    {"motion": "moves left", "duration": 17 / 16},
    {"motion": "comes closer", "size": "large"},
    {"duration": 5.0},
    {"motion": "spins", "shape": "cone"},
    {"setting": "at night", "size": "small", "duration": 17 / 16},
)
EARLIER_KINDS = KINDS[: KINDS.index("loop") + 1]
EARLIER_SCENES = "4170dfa1a8492ed303c07cea02fbdc5226df0b5ea7bd0cfa4c9c54b928d2e7b6"
FIRST_SCENES = "52e1dee7cf9beaada21b9987fe73f66e49c32ac5952a81d3f201acb21dd4555d"


def digest(scenes):
    lines = []
    for scene in scenes:
        (thing,) = scene.objects
        numbers = (thing.size, thing.x, thing.z, thing.speed, thing.reach, thing.yaw, thing.phase)
        words = (thing.shape, thing.colour, thing.motion, scene.setting, scene.seed)
        lines.append(" ".join(map(str, (*words, *(f"{number:.12f}" for number in numbers)))))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def test_random_scenes_stay_as_they_were_in_the_first_release():
    """Captions, figures and scores name their scenes by seed."""
    drawn = [random_scene(seed, **CONSTRAINTS[seed % len(CONSTRAINTS)]) for seed in range(60)]
    assert digest(drawn) == FIRST_SCENES


def test_drawn_scenes_stay_as_they_were_before_there_were_changes():
    """Measurements name their scenes by seed, and weights were trained on the mixture."""
    drawn = [draw_scene(seed, kind=kind) for kind in EARLIER_KINDS for seed in range(6)]
    drawn += [draw_scene(seed, camera=CAMERA_MOTIONS[seed % 7]) for seed in range(70)]
    lines = []
    for scene in drawn:
        assert scene.change is None
        camera = (scene.camera.motion, scene.camera.speed)
        parts = [scene.kind, detailed_caption(scene), scene.restitution, scene.actions, *camera]
        for thing in scene.objects:
            parts += [getattr(thing, field.name) for field in fields(thing)[:16]]
        told = (f"{part:.9f}" if isinstance(part, float) else str(part) for part in parts)
        lines.append(" ".join(told))
    assert hashlib.sha256("\n".join(lines).encode()).hexdigest() == EARLIER_SCENES


def test_random_scenes_cover_the_world_but_rolling():
    scenes = [random_scene(seed) for seed in range(200)]
    things = [scene.objects[0] for scene in scenes]
    assert {thing.shape for thing in things} == set(SHAPES)
    assert {thing.colour for thing in things} == set(COLOURS)
    assert {thing.motion for thing in things} == set(MOTIONS) - {"rolls"}
    assert {scene.setting for scene in scenes} == set(SETTINGS)


def test_random_scenes_roll_when_told_to():
    things = [random_scene(seed, motion="rolls").objects[0] for seed in range(40)]
    assert {(thing.shape, thing.heading) for thing in things} == {
        (shape, heading) for shape in ("sphere", "cylinder") for heading in (-1.0, 1.0)
    }
    with pytest.raises(ValueError, match="a cube cannot roll"):
        random_scene(0, motion="rolls", shape="cube")


@pytest.mark.parametrize("draw", [random_scene, draw_scene])
def test_a_constraint_leaves_the_rest_as_drawn(draw):
    free, bound = draw(3), draw(3, colour="white", setting="in the snow")
    assert bound.objects[0].colour == "white"
    assert bound.setting == "in the snow"
    assert bound.objects[0].shape == free.objects[0].shape
    assert bound.objects[0].x == free.objects[0].x


@pytest.mark.parametrize("draw", [random_scene, draw_scene])
@pytest.mark.parametrize("kind", ["shape", "colour", "motion", "setting", "size"])
def test_unknown_names_are_told_with_the_known_ones(draw, kind):
    with pytest.raises(ValueError, match=f"unknown {kind} 'pink': use one of"):
        draw(0, **{kind: "pink"})


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"duration": 0.0}, "a duration of 0.0 s is empty"),
        ({"kind": "crash"}, "unknown kind 'crash'"),
        ({"style": "oil"}, "unknown style 'oil'"),
        ({"camera": "shakes"}, "unknown camera motion 'shakes'"),
        (
            {"kind": "hits", "motion": "spins"},
            "'spins' in a scene of kind 'hits': use one of moves",
        ),
        ({"kind": "loop", "camera": "pans left"}, "must stand still in a scene of kind 'loop'"),
    ],
)
def test_what_cannot_be_drawn_is_refused(values, told):
    with pytest.raises(ValueError, match=told):
        draw_scene(0, **values)


@cache
def drawn(kind):
    return [draw_scene(seed, kind=kind) for seed in SEEDS]


@cache
def states(kind):
    return [simulate(scene, MOMENTS) for scene in drawn(kind)]


@cache
def shown(kind):
    return render(drawn(kind), frames=17, height=48, width=48)


@pytest.mark.parametrize("kind", KINDS)
def test_a_seed_gives_one_scene_of_its_kind(kind):
    assert draw_scene(5, kind=kind) == drawn(kind)[5]
    assert all(scene.kind == kind for scene in drawn(kind))
    assert [scene.seed for scene in drawn(kind)] == list(SEEDS)
    assert len({scene.objects for scene in drawn(kind)}) == len(SEEDS)


@pytest.mark.parametrize("kind", KINDS)
def test_colours_within_a_scene_differ(kind):
    for scene in drawn(kind):
        assert len({thing.colour for thing in scene.objects}) == len(scene.objects)


@pytest.mark.parametrize("kind", set(KINDS) - {"leaves", "occlusion", "changes"})
def test_every_object_is_in_view_in_every_frame(kind):
    clip, scenes = shown(kind), drawn(kind)
    for b, scene in enumerate(scenes):
        seen = clip.masks[b, :, : len(scene.objects)].sum(dim=(-1, -2))
        assert seen.min() >= 9, (scene, seen)


@pytest.mark.parametrize("kind", ["pair", "relation", "three", "falls"])
def test_objects_keep_apart(kind):
    for scene, state in zip(drawn(kind), states(kind), strict=True):
        assert not collisions(scene, DURATION)
        if scene.relation != "on top of":
            assert not state.contacts[..., :-1].any()


def test_motions_of_single_scenes_are_equally_frequent():
    count = Counter(draw_scene(seed, kind="single").objects[0].motion for seed in range(1800))
    assert set(count) == set(MOTIONS)
    assert min(count.values()) > 150


def test_a_sequence_has_two_motions_and_turns_about_the_middle():
    pairs = set()
    for scene in drawn("sequence"):
        (thing,) = scene.objects
        assert thing.then not in (None, thing.motion)
        assert 0.4 * DURATION < thing.turn < 0.6 * DURATION
        pairs.add((thing.motion, thing.then))
    assert len(pairs) > 10


def test_relations_are_true_in_every_frame():
    relations = set()
    for scene, state in zip(drawn("relation"), states("relation"), strict=True):
        reach = extent(scene.objects[0]) + extent(scene.objects[1])
        right, up, away = (state.centre[:, 0] - state.centre[:, 1]).T
        relations.add(scene.relation)
        match scene.relation:
            case "left of" | "right of":
                assert ((right if scene.relation == "right of" else -right) > reach - 0.2).all()
            case "behind" | "in front of":
                assert ((away if scene.relation == "behind" else -away) >= reach).all()
            case _:
                assert state.contacts[:, 0, 1].all()
                assert (up > 0).all()
                assert scene.objects[1].shape in ("cube", "cylinder")
    assert len(relations) == 5


def test_at_most_one_of_two_related_objects_moves():
    moving = Counter(
        sum(thing.motion != "stays still" for thing in scene.objects)
        for scene in (draw_scene(seed, kind="relation") for seed in range(60))
    )
    assert set(moving) == {0, 1}


def test_falling_objects_reach_the_floor_and_come_up_again():
    for state in states("falls"):
        low, speed = state.contacts[:, 0, -1], state.velocity[:, 0, 1]
        assert not low[0]
        assert (speed[1:4] < 0).all()
        assert speed.max() > 0


@pytest.mark.parametrize("kind", ["hits", "pushes"])
def test_collisions_happen_within_the_clip(kind):
    for scene, state in zip(drawn(kind), states(kind), strict=True):
        assert scene.objects[0].motion in ("moves left", "moves right")
        (met,) = collisions(scene, DURATION)
        assert 0.3 * DURATION < met.time < 0.55 * DURATION
        before, after = state.velocity[0, :, 0], state.velocity[-1, :, 0]
        assert before[1] == 0
        assert after[1] * before[0] > 0
        assert after[1].abs() > 0.3
        assert bool(torch.isclose(after[0], after[1])) == (kind == "pushes")


def test_passing_objects_are_hidden_and_come_out_again():
    """NegativeAttention the same scenes without the object in front."""
    scenes, clip = drawn("occlusion"), shown("occlusion")
    alone = [type(scene)(objects=scene.objects[:1]) for scene in scenes]
    whole = render(alone, frames=17, height=48, width=48).masks[:, :, 0].sum(dim=(-1, -2))
    share = clip.masks[:, :, 0].sum(dim=(-1, -2)) / whole
    assert share[:, [0, -1]].min() > 0.4
    assert share.amin(dim=1).max() < 0.15
    assert all(scene.objects[1].size == SIZES["large"] for scene in scenes)


def test_leaving_objects_are_gone_for_a_while_and_come_back():
    seen = shown("leaves").masks[:, :, 0].sum(dim=(-1, -2))
    assert seen[:, [0, 1, -2, -1]].min() > 20
    assert ((seen == 0).sum(dim=1) >= 1).all()
    assert (seen[:, 8] == 0).all()


def test_trails_are_painted_by_what_moves():
    for scene, state in zip(drawn("trail"), states("trail"), strict=True):
        assert scene.objects[0].trail
        assert (state.velocity[:, 0].norm(dim=-1) > 0.5).all()


def test_driven_scenes_obey_a_few_commands():
    targets = set()
    for scene in drawn("driven"):
        targets.add(scene.actions.target)
        told = scene.actions.commands
        assert len(told) == 17
        changes = sum(one != other for one, other in pairwise(told))
        assert 1 <= changes <= 3
        assert set(told) != {"none"}
    assert targets == {"object", "camera"}


@pytest.mark.parametrize("duration", [0.8, 17 / 16, 2.5])
def test_loops_have_exactly_the_duration_as_period(duration):
    moving = 0
    for seed in range(12):
        scene = draw_scene(seed, kind="loop", duration=duration)
        seconds = torch.linspace(0, duration, 7, dtype=torch.float64)
        now, later = simulate(scene, seconds), simulate(scene, seconds + duration)
        torch.testing.assert_close(now.centre, later.centre)
        torch.testing.assert_close(now.rotation, later.rotation)
        moving += scene.objects[0].motion != "stays still"
        half = simulate(scene, seconds + duration / 2)
        if scene.objects[0].motion == "circles" and duration < 1.2:
            assert (half.centre - now.centre).abs().max() > 0.5
    assert moving > 5


@pytest.mark.parametrize("camera", CAMERA_MOTIONS[1:])
def test_moving_cameras_keep_the_objects_in_the_picture(camera):
    for seed in range(20):
        scene = draw_scene(seed, camera=camera)
        assert scene.camera.motion == camera
        assert scene.camera.speed >= 0.05
        centre = simulate(scene, MOMENTS).centre
        x, y, depth = views(scene, MOMENTS).at(..., None).project(centre, 2, 2)
        assert torch.stack((x, y)).sub(1).abs().max() < 1
        assert depth.min() > 1


def test_wishes_are_granted():
    wishes = {"colour": "purple", "setting": "at night", "style": "cartoon"}
    for kind in KINDS:
        scene = draw_scene(4, kind=kind, shape="sphere", size="small", **wishes)
        first = scene.objects[0]
        assert (first.shape, first.colour, first.size) == ("sphere", "purple", SIZES["small"])
        assert (scene.setting, scene.style) == ("at night", "cartoon")
    assert draw_scene(4, shape="cube", motion="falls").kind == "falls"


@pytest.mark.parametrize("shape", SHAPES)
def test_every_kind_has_room_for_large_objects(shape):
    for kind in KINDS:
        thing = draw_scene(11, kind=kind, shape=shape, size="large").objects[0]
        assert (thing.shape, thing.size) == (shape, SIZES["large"])


def test_kinds_are_drawn_by_their_shares():
    assert set(MIXTURE) == set(KINDS) - {"loop", "changes"}
    assert sum(MIXTURE.values()) == pytest.approx(1)
    count = Counter(draw_scene(seed).kind for seed in range(600))
    for kind, share in MIXTURE.items():
        assert count[kind] / 600 == pytest.approx(share, abs=0.06)


@pytest.mark.parametrize("duration", [0.5, 3.0])
def test_every_kind_fits_any_duration(duration):
    for kind in KINDS:
        for seed in range(6):
            assert draw_scene(seed, kind=kind, duration=duration).kind == kind


def test_drawing_is_quick():
    draw_scene(0)
    begin = time.process_time()
    for seed in range(300):
        draw_scene(seed)
    assert (time.process_time() - begin) / 300 < 2e-3
