import pytest

from spacetime_video.toyworld import (
    MOTIONS,
    Scene,
    SceneObject,
    caption,
    parse_caption,
    random_scene,
    vocabulary,
)


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


def test_captions_come_back_as_what_they_ask_for():
    for seed in range(100):
        scene = random_scene(seed, motion=MOTIONS[seed % len(MOTIONS)])
        thing = scene.objects[0]
        assert parse_caption(caption(scene)) == {
            "colour": thing.colour,
            "shape": thing.shape,
            "motion": thing.motion,
            "setting": scene.setting,
        }


def test_word_order_and_case_do_not_matter():
    asked = parse_caption("At night, moving LEFT: cube, blue!")
    assert asked == {
        "colour": "blue",
        "shape": "cube",
        "motion": "moves left",
        "setting": "at night",
    }


def test_what_is_absent_is_none():
    assert set(parse_caption("a quick brown fox").values()) == {None}


def test_the_vocabulary_holds_every_caption():
    words = set(vocabulary())
    assert all(set(caption(random_scene(seed)).split()) <= words for seed in range(200))
    assert vocabulary() == sorted(words)


def test_several_objects_are_joined():
    things = (
        SceneObject(shape="cube", colour="red"),
        SceneObject(shape="cone", colour="black", motion="spins"),
    )
    words = caption(Scene(objects=things))
    assert words == "a red cube stays still and a black cone spins at day"
    assert set(words.split()) <= set(vocabulary())
