"""Scenes that end differently from how they begin, each for a visible reason."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from .camera import STILL_CAMERA
from .kinds import GENTLE, ON_THE_SPOT, gentle, pair, single
from .looks import Look, Wish, looks
from .scene import Change, Scene, SceneObject
from .seeded_draws import SeededDraws
from .settings import SETTINGS
from .transitions import HOURS

_ACROSS = ("moves left", "moves right")
_SCREENS = ("sphere", "cube", "cylinder")
_SCREEN_SIZE = 3.0
_OUT_OF_VIEW = 3.2
_ELSEWHERE = 0.5
"""The fraction of pans that end in another setting."""


def changes(draws: SeededDraws, wish: Wish) -> Iterator[Scene]:
    """Yield scenes with a pan, with something passing before the camera, or a new time of day."""
    causes = [_pans, _passes, _hours] if wish.setting in HOURS else [_pans, _passes]
    cause = causes[int(draws.between(0, len(causes)))]
    return cause(draws, wish)


def _pans(draws: SeededDraws, wish: Wish) -> Iterator[Scene]:
    """Yield scenes whose camera pans from one object to another, sometimes to another setting."""
    here, there = looks(draws, wish, (GENTLE, ON_THE_SPOT))
    elsewhere = draws.between(0.0, 1.0) < _ELSEWHERE
    setting = draws.choose([name for name in SETTINGS if name != wish.setting])
    side = math.copysign(1.0, draws.between(-1.0, 1.0))
    if not elsewhere:  # away from the light, so that it falls on what comes into view
        side = -math.copysign(1.0, SETTINGS[wish.setting].light[0])
    while True:
        begin, end = (
            wish.duration * draws.between(0.1, 0.2),
            wish.duration * draws.between(0.8, 0.9),
        )
        turn = draws.between(1.1, 1.3)
        camera = replace(
            STILL_CAMERA,
            motion="pans right" if side > 0 else "pans left",
            speed=turn / (end - begin),
            begin=begin,
            end=end,
        )
        first, second = (_ahead(draws, look, wish.duration) for look in (here, there))
        change = Change(
            begin=begin, end=end, setting=setting if elsewhere else None, exchanges=True
        )
        things = (first, _turned(second, side * turn))
        yield Scene(objects=things, setting=wish.setting, camera=camera, change=change)


def _passes(draws: SeededDraws, wish: Wish) -> Iterator[Scene]:
    """Yield scenes in which something large passes close to the camera.

    Hidden behind it, one object replaces another.
    """
    before, screen, after = looks(draws, wish, (GENTLE, _ACROSS, GENTLE))
    screen = screen._replace(shape=draws.choose(_SCREENS), size=_SCREEN_SIZE)
    heading = 1.0 if screen.motion == "moves right" else -1.0
    while True:
        middle = wish.duration * draws.between(0.45, 0.55)
        near = screen.wide + draws.between(0.8, 1.0)
        way = near + _OUT_OF_VIEW
        speed = way / (0.9 * min(middle, wish.duration - middle))
        passing = screen.at(-heading * speed * middle, near, speed=speed)
        first = replace(_ahead(draws, before, wish.duration), vanishes=middle)
        second = replace(_ahead(draws, after, wish.duration), appears=middle)
        change = Change(begin=middle - way / speed, end=middle + way / speed, exchanges=True)
        yield Scene(objects=(first, passing, second), relation="behind", change=change)


def _hours(draws: SeededDraws, wish: Wish) -> Iterator[Scene]:
    """Yield scenes in which night falls or day breaks while the objects keep moving."""
    setting = draws.choose([name for name in HOURS if name != wish.setting])
    begin, end = (
        wish.duration * draws.between(0.05, 0.25),
        wish.duration * draws.between(0.75, 0.95),
    )
    change = Change(begin=begin, end=end, setting=setting)
    scenes = single if draws.between(0.0, 1.0) < 0.6 else pair
    for scene in scenes(draws, wish):
        yield replace(scene, setting=wish.setting, change=change)


def _ahead(draws: SeededDraws, look: Look, duration: float) -> SceneObject:
    """Return the object in the middle of the view or close to it."""
    depth = draws.between(6.0, 7.2)
    return gentle(draws, look, draws.between(-0.5, 0.5), depth, duration)


def _turned(thing: SceneObject, angle: float) -> SceneObject:
    """Move an object so that a camera turned right by `angle` sees it as it is seen now."""
    cos, sin = math.cos(angle), math.sin(angle)
    x, z = thing.x * cos + thing.z * sin, thing.z * cos - thing.x * sin
    return replace(thing, x=x, z=z, yaw=thing.yaw + angle)
