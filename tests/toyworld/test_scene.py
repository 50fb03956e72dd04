import pytest

from spacetime_video.toyworld import (
    COLOURS,
    MOTIONS,
    SETTINGS,
    SHAPES,
    Scene,
    SceneObject,
    random_scene,
)


def test_a_seed_gives_one_scene():
    assert random_scene(7) == random_scene(7)
    assert random_scene(7) != random_scene(8)


def test_random_scenes_cover_the_world():
    scenes = [random_scene(seed) for seed in range(200)]
    things = [scene.objects[0] for scene in scenes]
    assert {thing.shape for thing in things} == set(SHAPES)
    assert {thing.colour for thing in things} == set(COLOURS)
    assert {thing.motion for thing in things} == set(MOTIONS)
    assert {scene.setting for scene in scenes} == set(SETTINGS)


def test_a_constraint_leaves_the_rest_as_drawn():
    free, bound = random_scene(3), random_scene(3, colour="white", setting="in the snow")
    assert bound.objects[0].colour == "white"
    assert bound.setting == "in the snow"
    assert bound.objects[0].shape == free.objects[0].shape
    assert bound.objects[0].x == free.objects[0].x


@pytest.mark.parametrize("kind", ["shape", "colour", "motion", "setting", "size"])
def test_unknown_names_are_told_with_the_known_ones(kind):
    with pytest.raises(ValueError, match=f"unknown {kind} 'pink': use one of"):
        random_scene(0, **{kind: "pink"})


def test_empty_durations_and_sizes_are_refused():
    with pytest.raises(ValueError, match="duration"):
        random_scene(0, duration=0)
    with pytest.raises(ValueError, match="size"):
        SceneObject(shape="cube", colour="red", size=0)
    with pytest.raises(ValueError, match="unknown setting"):
        Scene(objects=(), setting="at sea")
