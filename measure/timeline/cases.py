"""Held-out scenes of one moving object, so that stops and reversals are visible."""

from ...models.shapes import VideoShape
from ...toyworld import draw_scene
from ..cases import FPS, HELD_OUT, SQUARE, Case

TRAVELS = ("moves left", "moves right", "rolls")
LASTING = ("circles", "spins")
"""Motions that continue endlessly within the image, at a speed that does not depend on the clip's
length. Bounces do too, but an object at its highest point looks frozen and is partly out of the
image."""

SIDE = 64
OTHERS = 5
"""Offset from the number of a group to that of the group of clips to cut to."""

_SET = HELD_OUT + 100_000_000
_GROUP_STEP = 1_000_000


def travelling(group: int, count: int, frames: int, *, setting_of: int | None = None) -> list[Case]:
    """Draw cases of one object that crosses the image within a number of frames.

    Args:
        group: number of a group; cases of different groups share no scene.
        count: number of cases.
        frames: length of the clips.
        setting_of: number of a group whose settings these cases take over, case by case.
    """
    return [_drawn(group, number, frames, setting_of) for number in range(count)]


def lasting(group: int, count: int, frames: int) -> list[Case]:
    """Draw cases of one object that moves endlessly, as fast as in a clip of 17 frames.

    Objects that cross the image would not do: to stay in the image of a long clip, they would have
    to be far slower than those that the model was trained on.
    """
    return [
        Case(
            draw_scene(
                _first(group) + number,
                kind="single",
                motion=LASTING[number % len(LASTING)],
                duration=SQUARE.frames / FPS,
            ),
            VideoShape(frames, SIDE, SIDE),
            number,
        )
        for number in range(count)
    ]


def looping(group: int, count: int, frames: int) -> list[Case]:
    """Draw cases of one object that returns to its first state after a number of frames."""
    return [
        Case(
            draw_scene(_first(group) + number, kind="loop", duration=frames / FPS),
            VideoShape(frames, SIDE, SIDE),
            number,
        )
        for number in range(count)
    ]


def _drawn(group: int, number: int, frames: int, setting_of: int | None) -> Case:
    setting = None
    if setting_of is not None:
        setting = _drawn(setting_of, number, frames, None).scene.setting
    scene = draw_scene(
        _first(group) + number,
        kind="single",
        motion=TRAVELS[number % len(TRAVELS)],
        setting=setting,
        duration=frames / FPS,
    )
    return Case(scene, VideoShape(frames, SIDE, SIDE), number)


def _first(group: int) -> int:
    return _SET + group * _GROUP_STEP
