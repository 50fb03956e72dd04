"""Held-out scenes of one moving object, so that stops and reversals show."""

from ...models.shapes import VideoShape
from ...toyworld import draw_scene
from ..cases import FPS, HELD_OUT, SQUARE, Case

TRAVELS = ("moves left", "moves right", "rolls")
LASTING = ("circles", "spins")
"""Motions that continue in view indefinitely, at the same speed for any length of clip. Bounces do
too, but an object at its highest point looks frozen and is partly out of view."""

SIDE = 64
OTHERS = 5
"""Offset from a group to the group of clips to cut to."""

_SET = HELD_OUT + 100_000_000
_GROUP_STEP = 1_000_000


def travelling(group: int, count: int, frames: int, *, setting_of: int | None = None) -> list[Case]:
    """Draw cases of one object that crosses the image within a number of frames.

    Args:
        group: number of the group; cases of different groups share no scene.
        setting_of: number of a group whose settings to use, case by case.
    """
    return [_drawn(group, number, frames, setting_of) for number in range(count)]


def lasting(group: int, count: int, frames: int) -> list[Case]:
    """Draw cases of one object that moves as in a clip of 17 frames, without end.

    Travelling objects are not used: to stay in view in a long clip, they are slowed down far below
    the speeds that the model was trained on.
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
    """Draw cases of one object that returns to its initial state after a number of frames."""
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
