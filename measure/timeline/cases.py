"""Held-out scenes of one object that moves, so that stops and turns show."""

from ...models.shapes import VideoShape
from ...toyworld import draw_scene
from ..cases import FPS, HELD_OUT, SQUARE, Case

TRAVELS = ("moves left", "moves right", "rolls")
LASTING = ("circles", "spins")
"""Motions that go on in the picture for ever, at one speed however long the clip is. Bounces do
too, but what is at its highest point looks frozen, and some of it is out of the picture."""

SIDE = 64
OTHERS = 5
"""How far the groups of clips to cut to are from those that they are cut into."""

_SET = HELD_OUT + 100_000_000
_GROUP_STEP = 1_000_000


def travelling(group: int, count: int, frames: int, *, setting_of: int | None = None) -> list[Case]:
    """Draw cases of one object that crosses the picture within a number of frames.

    Args:
        group: cases of different groups share no scene.
        setting_of: number of a group whose settings, case by case, these have.
    """
    return [_drawn(group, number, frames, setting_of) for number in range(count)]


def lasting(group: int, count: int, frames: int) -> list[Case]:
    """Draw cases of one object whose motion is that of a clip of 17 frames, and does not end.

    What travels is slowed down to stay in the picture of a long clip, far below the speeds that
    the model was trained on.
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
    """Draw cases of one object that is after a number of frames as it was before."""
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
