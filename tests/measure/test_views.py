"""What clips are tested for: falls, objects that come back, and what nobody asked for."""

import pytest
import torch

from spacetime_video.measure.views import CLIP, COUNT, FALL, RETURN, SIDEWAYS, UNASKED
from spacetime_video.toyworld import Scene, SceneObject, render
from spacetime_video.toyworld.prompt_spec import PromptSpec, WantedObject

SMALL = WantedObject(colour="red", shape="cone")
LARGE = WantedObject(colour="blue", shape="cube")
BOTH = PromptSpec(objects=(SMALL, LARGE))


def clip_of(*objects):
    return render([Scene(objects=objects)], frames=17, height=64, width=64, fps=16).video[0]


@pytest.fixture(scope="module")
def passage():
    small = SceneObject(shape="cone", colour="red", motion="moves right", x=-2.0, z=8.0, speed=4.0)
    return clip_of(small, SceneObject(shape="cube", colour="blue", size=1.6, z=5.8))


def test_an_object_that_comes_back_as_it_was_passes(passage):
    verdict = RETURN.judge(RETURN.read(passage, 16), BOTH)
    assert verdict == {"hidden": True, "colour": True, "shape": True}


def test_one_that_does_not_come_back_fails(passage):
    gone = torch.cat([passage[:9], passage[8:9].expand(8, -1, -1, -1)])
    verdict = RETURN.judge(RETURN.read(gone, 16), BOTH)
    assert verdict == {"hidden": True, "colour": False, "shape": False}


def test_one_that_is_always_seen_was_not_hidden(passage):
    still = passage[:1].expand(17, -1, -1, -1)
    assert RETURN.judge(RETURN.read(still, 16), BOTH) == {"hidden": False}


def test_a_fall_is_measured():
    fall = clip_of(SceneObject(shape="cone", colour="red", motion="falls", y=1.2))
    wanted = PromptSpec(objects=(SMALL,))
    assert FALL.judge(FALL.read(fall, 16), wanted) == {"falls": True, "acceleration": True}
    slow = FALL.judge(FALL.read(fall, 8), wanted)
    assert slow == {"falls": True, "acceleration": False}
    assert FALL.judge(FALL.read(fall, 16), PromptSpec(objects=(LARGE,))) == {"falls": False}


def test_what_nobody_asked_for_is_noticed(passage):
    reading = CLIP.read(passage[:1], 16)
    assert CLIP.judge(reading, PromptSpec(objects=(SMALL,)))[UNASKED]
    assert not CLIP.judge(reading, BOTH)[UNASKED]


def test_left_and_right_are_told_by_themselves(passage):
    reading = CLIP.read(passage[:1], 16)
    left, right, before = (
        PromptSpec((SMALL, LARGE), f"{side} of") for side in ("left", "right", "in front")
    )
    assert CLIP.judge(reading, left)[SIDEWAYS]
    assert not CLIP.judge(reading, right)[SIDEWAYS]
    assert SIDEWAYS not in CLIP.judge(reading, before)


def test_objects_are_counted(passage):
    reading = COUNT.read(passage[:1], 16)
    assert COUNT.judge(reading, BOTH) == {"count": True, "two objects": True}
    assert COUNT.judge(reading, PromptSpec((SMALL,))) == {"count": False, "one object": False}
    assert COUNT.judge(reading, PromptSpec()) == {}
