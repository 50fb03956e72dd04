"""Held-out scenes whose one object travels across the picture, so that stops and turns show."""

from ...models.shapes import VideoShape
from ...toyworld import draw_scene
from ..cases import FPS, HELD_OUT, Case

TRAVELS = ("moves left", "moves right", "rolls")
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
