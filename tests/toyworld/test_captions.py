"""Captions of every kind of scene, and what is read back from them."""

from dataclasses import replace
from functools import cache

import pytest

from spacetime_video.toyworld import (
    KINDS,
    MOTIONS,
    Actions,
    Change,
    PromptSpec,
    Scene,
    SceneObject,
    WantedObject,
    caption,
    detailed_caption,
    draw_scene,
    parse_caption,
    random_scene,
    vocabulary,
)
from spacetime_video.toyworld.camera import CAMERA_MOTIONS, Camera
from spacetime_video.toyworld.captions import MOST_WORDS, OMISSIONS

SETTING, MOTION, BOTH = OMISSIONS
SEEDS = range(40)
CUBE = SceneObject(shape="cube", colour="red", x=-1.5, motion="moves right", size=1.6)
SPHERE = SceneObject(shape="sphere", colour="blue", x=1.5, z=7.5)
ROLLING = SceneObject(shape="sphere", colour="orange", motion="rolls", heading=-1.0)
TURNING = SceneObject(shape="cube", colour="red", motion="moves left", then="spins", turn=0.5)
AWAY = Change(begin=0.1, end=0.9, exchanges=True)
PAN = Camera(motion="pans left", speed=1.0)


@cache
def scenes(kind):
    """Scenes of a kind in every style and with every camera."""
    drawn = [draw_scene(seed, kind=kind) for seed in SEEDS]
    for seed in SEEDS[1::2]:
        camera = Camera(motion=CAMERA_MOTIONS[seed % len(CAMERA_MOTIONS)], speed=0.3)
        drawn.append(replace(drawn[seed], style="cartoon", camera=camera))
    return drawn


every_kind = pytest.mark.parametrize("kind", KINDS)


@pytest.mark.parametrize(
    ("colour", "shape", "motion", "setting", "words"),
    [
        ("red", "sphere", "stays still", "at day", "a red sphere stays still at day"),
        ("blue", "cube", "moves left", "at night", "a blue cube moves left at night"),
        ("white", "cone", "bounces", "in the snow", "a white cone bounces in the snow"),
        ("orange", "cylinder", "spins", "in the jungle", "an orange cylinder spins in the jungle"),
    ],
)
def test_captions_read_like_this(colour, shape, motion, setting, words):
    thing = SceneObject(shape=shape, colour=colour, motion=motion)
    assert caption(Scene(objects=(thing,), setting=setting)) == words


@pytest.mark.parametrize(
    ("scene", "short", "detailed"),
    [
        (
            Scene(objects=(TURNING,), setting="at night"),
            "a red cube moves left, then spins at night",
            "a small red cube in the middle moves left, then spins at night, shaded",
        ),
        (
            Scene(objects=(ROLLING,), style="cartoon"),
            "an orange sphere rolls left at day, cartoon",
            "a small orange sphere in the middle rolls left at day, cartoon",
        ),
        (
            Scene(objects=(CUBE, SPHERE)),
            "a red cube moves right and a blue sphere stays still at day",
            "a large red cube on the left moves right and "
            "a small blue sphere on the right far away stays still at day, shaded",
        ),
        (
            Scene(objects=(CUBE, SPHERE), kind="hits"),
            "a red cube moves right and hits a blue sphere at day",
            "a large red cube on the left moves right and "
            "hits a small blue sphere on the right far away at day, shaded",
        ),
        (
            Scene(objects=(CUBE, SPHERE), kind="pushes"),
            "a red cube moves right and pushes a blue sphere at day",
            "a large red cube on the left moves right and "
            "pushes a small blue sphere on the right far away at day, shaded",
        ),
        (
            Scene(objects=(CUBE, SPHERE), kind="occlusion"),
            "a red cube moves right behind a blue sphere at day",
            "a large red cube moves right behind "
            "a small blue sphere on the right far away at day, shaded",
        ),
        (
            Scene(objects=(SPHERE, TURNING), relation="right of", setting="in the snow"),
            "a blue sphere right of a red cube that moves left, then spins in the snow",
            "a small blue sphere right of a small red cube in the middle that moves left, "
            "then spins in the snow, shaded",
        ),
        (
            Scene(objects=(CUBE,), kind="leaves"),
            "a red cube leaves and comes back at day",
            "a large red cube on the left leaves to the right and comes back at day, shaded",
        ),
        (
            Scene(objects=(SceneObject(shape="cone", colour="white", trail=True, z=5.0),)),
            "a white cone stays still and paints a trail at day",
            "a small white cone in the middle close stays still and paints a trail at day, shaded",
        ),
        (
            Scene(objects=(SPHERE,), camera=Camera(motion="orbits left", speed=0.3)),
            "a blue sphere stays still at day, the camera orbits left",
            "a small blue sphere on the right far away stays still at day, shaded, "
            "the camera orbits left",
        ),
        (
            Scene(objects=(SPHERE,), actions=Actions("object", ("left", "left", "back"), 4.0)),
            "a blue sphere moves left, then comes closer at day",
            "a small blue sphere on the right far away moves left, "
            "then comes closer at day, shaded",
        ),
        (
            Scene(objects=(SPHERE,), actions=Actions("camera", ("none", "left", "forward"), 4.0)),
            "a blue sphere stays still at day, the camera pans left, then dollies in",
            "a small blue sphere on the right far away stays still at day, shaded, "
            "the camera pans left, then dollies in",
        ),
        (
            Scene(objects=(CUBE, SPHERE), change=AWAY, camera=PAN),
            "a red cube moves right at day, then a blue sphere stays still, the camera pans left",
            "a large red cube on the left moves right at day, "
            "then a small blue sphere stays still, shaded, the camera pans left",
        ),
        (
            Scene(objects=(CUBE, SPHERE), change=replace(AWAY, setting="in the snow"), camera=PAN),
            "a red cube moves right at day, then a blue sphere stays still in the snow, "
            "the camera pans left",
            "a large red cube on the left moves right at day, "
            "then a small blue sphere stays still in the snow, shaded, the camera pans left",
        ),
        (
            Scene(objects=(SPHERE, CUBE, ROLLING), change=AWAY, relation="behind"),
            "a blue sphere behind a red cube that moves right at day, "
            "then an orange sphere rolls left",
            "a small blue sphere behind a large red cube on the left that moves right at day, "
            "then a small orange sphere rolls left, shaded",
        ),
        (
            Scene(objects=(TURNING,), change=Change(begin=0.1, end=0.9, setting="at night")),
            "a red cube moves left, then spins at day, then at night",
            "a small red cube in the middle moves left, then spins at day, then at night, shaded",
        ),
    ],
)  # fmt: skip
def test_scenes_are_told_like_this(scene, short, detailed):
    assert caption(scene) == short
    assert detailed_caption(scene) == detailed


def test_captions_come_back_as_what_they_ask_for():
    for seed in range(100):
        scene = random_scene(seed, motion=MOTIONS[seed % 8])
        thing = scene.objects[0]
        wanted = WantedObject(thing.colour, thing.shape, motion=thing.motion)
        assert parse_caption(caption(scene)) == PromptSpec((wanted,), setting=scene.setting)


def told(scene, *, detailed):
    """What the captions of a drawn scene tell."""
    event = scene.kind if scene.kind in ("hits", "pushes", "leaves", "trail") else None
    camera = scene.camera.motion if scene.camera.moves else None
    if scene.actions is not None and scene.actions.target == "camera":
        turns = {"left": "pans left", "right": "pans right"}
        moves = {"forward": "dollies in", "back": "dollies out"}
        told_commands = [{**turns, **moves}[c] for c in scene.actions.commands if c != "none"]
        camera = camera or next(iter(told_commands), None)
    style = scene.style if detailed or scene.style == "cartoon" else None
    relation = "behind" if scene.kind == "occlusion" else scene.relation
    things = tuple(told_thing(scene, index, detailed) for index in range(len(scene.objects)))
    now, later = things[: len(scene.lasting)], things[len(scene.lasting) :]
    after = PromptSpec(later, setting=scene.change.setting) if scene.change else None
    return PromptSpec(now, relation, scene.setting, style, camera, event, after)


def told_thing(scene, index, detailed):
    thing = scene.objects[index]
    size = ("large" if thing.size > 1.4 else "small") if detailed else None
    motion, then = told_motions(scene, index, detailed)
    rolls = "rolls" in (motion, then)
    heading = {-1: "left", 1: "right"}[thing.heading] if rolls else None
    return WantedObject(thing.colour, thing.shape, size, motion, then, heading)


def told_motions(scene, index, detailed):
    thing = scene.objects[index]
    if scene.kind == "leaves" and index == 0:
        return (thing.motion if detailed else None), None
    if scene.kind in ("hits", "pushes", "occlusion") and index == 1:
        return None, None
    if scene.relation and index < 2 and thing.motions == ("stays still",):
        return None, None
    if index == 0 and scene.actions is not None and scene.actions.target == "object":
        return told_commands(scene.actions.commands)
    return thing.motion, thing.then


def told_commands(commands):
    names = {"none": "stays still", "left": "moves left", "right": "moves right"}
    names |= {"forward": "goes away", "back": "comes closer"}
    first = commands[0]
    others = [command for command in commands if command != first]
    return names[first], names[others[0]] if others else None


@every_kind
def test_every_kind_comes_back(kind):
    for scene in scenes(kind):
        assert scene.kind == kind
        assert parse_caption(caption(scene)) == told(scene, detailed=False), caption(scene)
        words = detailed_caption(scene)
        assert parse_caption(words) == told(scene, detailed=True), words


@every_kind
def test_captions_are_short_and_of_known_words(kind):
    words = set(vocabulary())
    for scene in scenes(kind):
        for text in (caption(scene), detailed_caption(scene)):
            assert set(text.replace(",", "").split()) <= words
            assert len(text.split()) <= MOST_WORDS


def test_changes_need_no_words_of_their_own():
    earlier = [scene for kind in KINDS if kind != "changes" for scene in scenes(kind)]
    texts = [text(scene) for scene in earlier for text in (caption, detailed_caption)]
    known = {word for text in texts for word in text.replace(",", "").split()}
    told = {word for scene in scenes("changes") for word in detailed_caption(scene).split()}
    assert {word.strip(",") for word in told} <= known
    assert len(vocabulary()) <= 92


@pytest.mark.parametrize(
    ("text", "later"),
    [
        ("a red cube at day, then a blue sphere at night", ("blue", "sphere", "at night")),
        ("a red cube spins, afterwards night", (None, None, "at night")),
        ("a red cube spins at day, then a sphere, cartoon", (None, "sphere", None)),
    ],
)
def test_what_is_other_at_the_end_is_read(text, later):
    wanted = parse_caption(text)
    colour, shape, setting = later
    (first,) = wanted.objects
    things = (WantedObject(colour, shape),) if shape else ()
    assert (first.colour, first.shape, first.then) == ("red", "cube", None)
    assert wanted.later == PromptSpec(things, setting=setting)


def test_a_second_motion_is_no_change():
    wanted = parse_caption("a red cube moves left, then spins at day")
    assert wanted.objects == (WantedObject("red", "cube", motion="moves left", then="spins"),)
    assert (wanted.setting, wanted.later) == ("at day", None)


def test_places_are_left_out_of_long_captions():
    names = ("red", "green", "blue")
    things = tuple(
        SceneObject(shape="cylinder", colour=colour, motion="rolls", heading=1.0, z=9.0,
                    then="goes away", turn=0.5, trail=True)
        for colour in names
    )  # fmt: skip
    scene = Scene(objects=things, setting="in the jungle")
    text = detailed_caption(scene)
    assert "middle" not in text
    assert "a small red cylinder rolls right, then goes away and paints a trail" in text


def test_the_vocabulary_holds_nothing_else():
    words = vocabulary()
    assert words == sorted(set(words))
    drawn = [scene for kind in KINDS for scene in scenes(kind)]
    texts = [text(scene) for scene in drawn for text in (caption, detailed_caption)]
    told = {word.strip(",") for text in texts for word in text.split()}
    assert set(words) == told


@pytest.mark.parametrize(
    "text",
    [
        "At night, moving LEFT: cube, blue!",
        "a cube that is blue goes to the left at midnight",
        "midnight. Blue cubes leftwards",
        "the blue cube moves left, and it is night",
    ],
)
def test_word_order_and_case_do_not_matter(text):
    assert parse_caption(text) == PromptSpec(
        (WantedObject("blue", "cube", motion="moves left"),), setting="at night"
    )


@pytest.mark.parametrize(
    "text",
    [
        "a spinning red cube behind a bouncing small blue sphere",
        "behind a little bouncing blue sphere a red cube spins",
        "a cube, red, spinning, behind a sphere that is blue, small and bounces",
    ],
)
def test_words_belong_to_their_object(text):
    cube = WantedObject("red", "cube", motion="spins")
    sphere = WantedObject("blue", "sphere", "small", "bounces")
    assert parse_caption(text) == PromptSpec((cube, sphere), relation="behind")


@pytest.mark.parametrize("name", [*CAMERA_MOTIONS[1:]])
def test_the_camera_does_not_move_the_object(name):
    assert parse_caption(f"a red cube stays still, the camera {name}") == PromptSpec(
        (WantedObject("red", "cube", motion="stays still"),), camera=name
    )


def test_sides_are_not_motions():
    things = (WantedObject("red", "cube"), WantedObject("blue", "sphere", motion="moves left"))
    text = "a red cube on the left and a blue sphere on the right moves to the left"
    assert parse_caption(text) == PromptSpec(things)
    text = "a red cube on the left of a blue sphere far away moving left"
    assert parse_caption(text) == PromptSpec(things, relation="left of")


def test_what_is_absent_is_none():
    assert parse_caption("a quick brown fox") == parse_caption("") == PromptSpec()


@pytest.mark.parametrize(
    ("scene", "omit", "words"),
    [
        (Scene(objects=(TURNING,)), SETTING, "a red cube moves left, then spins"),
        (Scene(objects=(TURNING,)), MOTION, "a red cube at day"),
        (Scene(objects=(TURNING,), style="cartoon"), BOTH, "a red cube, cartoon"),
        (
            Scene(objects=(CUBE, SPHERE), relation="left of"),
            MOTION,
            "a red cube left of a blue sphere at day",
        ),
        (
            Scene(objects=(CUBE, SPHERE), kind="hits"),
            BOTH,
            "a red cube hits a blue sphere",
        ),
    ],
)
def test_captions_can_leave_something_out(scene, omit, words):
    assert caption(scene, omit=omit) == words


@every_kind
def test_what_is_left_out_is_not_read_back(kind):
    for scene in scenes(kind):
        wanted, whole = (parse_caption(caption(scene, omit=each)) for each in (BOTH, frozenset()))
        assert wanted.setting is None
        assert [(each.colour, each.shape) for each in wanted.objects] == [
            (each.colour, each.shape) for each in whole.objects
        ]
        assert not any(each.motion or each.then for each in wanted.objects)
