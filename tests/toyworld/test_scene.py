import math

import pytest

from spacetime_video.toyworld import Actions, Change, Scene, SceneObject

BALL = SceneObject(shape="sphere", colour="red")


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"shape": "torus"}, "unknown shape 'torus': use one of sphere"),
        ({"colour": "pink"}, "unknown colour 'pink'"),
        ({"motion": "flies"}, "unknown motion 'flies'"),
        ({"then": "falls", "turn": 1.0}, "unknown second motion 'falls'"),
        ({"size": 0.0}, "size 0.0 cannot be seen: use a size above 0"),
        ({"size": -1.0}, "size -1.0 cannot be seen"),
        ({"y": -0.1}, "under the floor: use 0 or more"),
        ({"x": math.nan}, "x is nan: use a finite number"),
        ({"speed": math.inf}, "speed is inf"),
        ({"then": "spins"}, "then 'spins' with turn 0.0"),
        ({"then": "spins", "turn": -1.0}, "turn above 0 seconds"),
        ({"turn": 1.0}, "then None with turn 1.0"),
        ({"appears": -1.0}, "appears at -1.0 s and vanishes at None s: use a time of 0 or more"),
        ({"appears": 2.0, "vanishes": 2.0}, "appears at 2.0 s and vanishes at 2.0 s"),
        ({"motion": "rolls"}, r"heading 0.0: use -1 \(left\) or 1 \(right\)"),
        ({"motion": "rolls", "heading": 1.0, "shape": "cube"}, "a cube cannot roll"),
        ({"then": "rolls", "turn": 1.0, "heading": 1.0, "shape": "cone"}, "a cone cannot roll"),
        (
            {
                "motion": "spins",
                "then": "rolls",
                "turn": 1.0,
                "heading": 1.0,
                "shape": "cylinder",
            },
            "spins cannot also roll",
        ),
    ],
)
def test_impossible_objects_are_refused(values, told):
    with pytest.raises(ValueError, match=told):
        SceneObject(**{"shape": "sphere", "colour": "red", **values})


ROLLER = SceneObject(shape="sphere", colour="blue", motion="rolls", heading=1.0)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"objects": ()}, "0 objects has nothing to render: use 1 to 3"),
        ({"objects": (BALL,) * 4}, "4 objects is too crowded: use 1 to 3"),
        ({"setting": "at sea"}, "unknown setting 'at sea'"),
        ({"style": "oil"}, "unknown style 'oil': use one of shaded, cartoon"),
        ({"kind": "crash"}, "unknown kind 'crash'"),
        ({"relation": "left of"}, "'left of' needs a second object"),
        ({"relation": "under", "objects": (BALL, BALL)}, "unknown relation 'under'"),
        ({"relation": "on top of", "objects": (BALL, ROLLER)}, "on top of a rolling object"),
        ({"restitution": 1.5}, "restitution 1.5"),
        ({"change": Change(begin=0.0, end=1.0, setting="at day")}, "from 'at day' to itself"),
        ({"change": Change(begin=0.0, end=1.0, exchanges=True)}, "give a second one for the end"),
        (
            {
                "objects": (SceneObject(shape="cone", colour="red", then="spins", turn=1.0),),
                "actions": Actions("object", ("left",), 4.0),
            },
            "leave its second motion out",
        ),
    ],
)
def test_impossible_scenes_are_refused(values, told):
    with pytest.raises(ValueError, match=told):
        Scene(**{"objects": (BALL,), **values})


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"target": "sun"}, "unknown target 'sun': use one of object, camera"),
        ({"commands": ("left", "up")}, "unknown command 'up'"),
        ({"rate": 0.0}, "0.0 commands per second"),
        ({"speed": -1.0}, "a speed of -1.0"),
    ],
)
def test_impossible_actions_are_refused(values, told):
    with pytest.raises(ValueError, match=told):
        Actions(**{"target": "object", "commands": ("left",), "rate": 4.0, **values})


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"setting": "at sea"}, "unknown setting 'at sea'"),
        ({"setting": "at night", "begin": 1.0}, "a change from 1.0 to 1.0 seconds"),
        ({"setting": "at night", "begin": -1.0}, "use a begin of 0 or more and a later end"),
        ({}, "the change has no effect"),
    ],
)
def test_impossible_changes_are_refused(values, told):
    with pytest.raises(ValueError, match=told):
        Change(**{"begin": 0.0, "end": 1.0, **values})
