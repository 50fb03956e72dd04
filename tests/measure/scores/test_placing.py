"""Objects in their places, before and behind one another, on their way."""

from dataclasses import replace

import pytest
import torch

from spacetime_video.measure.scores.alignment import read_clip
from spacetime_video.measure.scores.placing import Placed, centre_error, in_order
from spacetime_video.measure.scores.reading import ClipReading, ObjectReading
from spacetime_video.toyworld import Clip, Scene, SceneObject, render

SEEN = torch.tensor([True, True])


def thing(x: float, z: float, colour: str = "red", area: float = 10.0) -> ObjectReading:
    place = torch.tensor([[0.0, 0.0, z]] * 2)
    at, full = torch.full((2,), float(x)), torch.full((2,), area)
    return ObjectReading(
        colour, "cube", None, None, None, at, at, full, full, SEEN, place, 1.0, 0.0
    )


def placed(x: float, z: float) -> Placed:
    at = torch.full((2,), float(x))
    return Placed(at, at, torch.full((2,), float(z)), SEEN)


def reading(*things: ObjectReading) -> ClipReading:
    return ClipReading("at day", "shaded", things)


def true(clip: Clip, number: int) -> Placed:
    x, y, seen = clip.tracks[0, :, number].unbind(1)
    return Placed(x, y, clip.states.centre[0, :, number, 2], seen > 0)


def test_order_is_told_by_distance_alone() -> None:
    wanted = [placed(10, 4), placed(40, 7)]
    right, swapped = reading(thing(40, 8), thing(10, 5)), reading(thing(40, 5), thing(10, 8))
    assert in_order(right, wanted, 64) == (True, True)
    assert in_order(swapped, wanted, 64) == (True, False)
    assert in_order(reading(thing(10, 4)), wanted, 64) == (False, False)
    assert in_order(reading(thing(10, 4), thing(60, 7)), wanted, 64) == (False, False)
    alike = [placed(10, 4), placed(40, 4.5)]
    assert in_order(swapped, alike, 64) == (True, True), "too close to each other to be told"


def test_one_object_does_not_stand_for_two() -> None:
    wanted = [placed(20, 4), placed(23, 7)]
    assert in_order(reading(thing(21, 5)), wanted, 64) == (False, False)


def test_a_true_clip_is_in_order_and_on_its_way_and_another_one_is_not() -> None:
    def scene(left: float, right: float) -> Scene:
        one = SceneObject(shape="cube", colour="red", x=-1.3, z=left)
        other = SceneObject(shape="sphere", colour="blue", x=1.3, z=right)
        return Scene(objects=(one, other))

    own, other = (
        render([scene(*each)], frames=5, height=64, width=64) for each in ((5.0, 7.5), (7.5, 5.0))
    )
    wanted = [true(own, 0), true(own, 1)]
    assert in_order(read_clip(own.video[0]), wanted, 64) == (True, True)
    assert not in_order(read_clip(other.video[0]), wanted, 64)[1]
    assert centre_error(read_clip(own.video[0]), "blue", wanted[1], 64) < 0.02
    assert centre_error(read_clip(own.video[0]), "red", wanted[1], 64) > 0.2


def test_the_error_is_of_the_colour_or_else_of_the_largest() -> None:
    shown = reading(thing(10, 4), thing(42, 4, "blue"))
    assert centre_error(shown, "blue", placed(40, 4), 64) == pytest.approx(2 * 2**0.5 / 64)
    assert centre_error(shown, "green", placed(10, 4), 64) == 0
    assert centre_error(reading(), "green", placed(10, 4), 64) == 1
    hidden = replace(thing(10, 4), seen=torch.tensor([False, False]))
    assert centre_error(reading(hidden), "red", placed(10, 4), 64) == 1
