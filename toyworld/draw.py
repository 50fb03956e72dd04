"""Seeded random scenes whose objects visibly do what their captions say."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from typing import NamedTuple

from .camera import CAMERA_MOTIONS, STILL_CAMERA, Camera
from .changes import changes
from .events import ACROSS, falls, hits, leaves, occlusion, pushes
from .framing import apart, in_picture, in_view, passes_behind, related, sight, unhidden
from .kinds import (
    GENTLE,
    ON_THE_SPOT,
    PERIODIC,
    TRAVELS,
    driven,
    loop,
    pair,
    relation,
    sequence,
    single,
    three,
    trail,
)
from .looks import Wish
from .placing import place
from .scene import (
    ALL_MOTIONS,
    COLOURS,
    DEFAULT_DURATION,
    KINDS,
    MOTIONS,
    ROLLING_SHAPES,
    SHAPES,
    SIZES,
    Scene,
    SceneObject,
    check_choice,
)
from .seeded_draws import SeededDraws
from .settings import SETTINGS

MIXTURE: dict[str, float] = {
    "single": 0.55,
    "sequence": 0.08,
    "pair": 0.07,
    "relation": 0.08,
    "three": 0.03,
    "falls": 0.04,
    "hits": 0.03,
    "pushes": 0.02,
    "occlusion": 0.03,
    "leaves": 0.02,
    "trail": 0.03,
    "driven": 0.02,
}
"""The default share of each kind of scene; loops and changes are drawn only on request."""

_FIRST_MOTIONS = tuple(motion for motion in MOTIONS if motion != "rolls")
"""The motions that `random_scene` draws from; its objects roll only on request."""


class _Recipe(NamedTuple):
    """How scenes of a kind are proposed, and which of them are accepted."""

    candidates: Callable[[SeededDraws, Wish], Iterator[Scene]]
    motions: tuple[str, ...]  # of the first object
    shows: Callable[[Scene, float], bool]
    camera_moves: bool = True


def _always(scene: Scene, duration: float) -> bool:
    return True


def _inside(scene: Scene, duration: float) -> bool:
    return in_view(sight(scene, duration))


def _together(scene: Scene, duration: float) -> bool:
    seen = sight(scene, duration)
    return in_view(seen) and apart(seen) and unhidden(seen)


def _standing(scene: Scene, duration: float) -> bool:
    if scene.relation is None or scene.relation == "on top of":
        return _inside(scene, duration)
    holds = related(sight(scene, duration), scene.relation)
    return holds and _together(scene, duration)


def _hidden(scene: Scene, duration: float) -> bool:
    seen = sight(scene, duration)
    return in_view(seen) and apart(seen) and passes_behind(seen)


def _going_on(scene: Scene, duration: float) -> bool:
    """Whether objects that stay while the time of day changes are well visible.

    Objects that are exchanged always are.
    """
    exchanged = scene.change is not None and scene.change.exchanges
    return exchanged or _together(scene, duration)


_RECIPES = {
    "single": _Recipe(single, MOTIONS, _always),
    "sequence": _Recipe(sequence, MOTIONS, _inside),
    "pair": _Recipe(pair, MOTIONS, _together),
    "relation": _Recipe(relation, GENTLE, _standing),
    "three": _Recipe(three, GENTLE, _together),
    "falls": _Recipe(falls, ("falls",), _together),
    "hits": _Recipe(hits, ACROSS, _inside),
    "pushes": _Recipe(pushes, ACROSS, _inside),
    "occlusion": _Recipe(occlusion, ACROSS, _hidden, camera_moves=False),
    "leaves": _Recipe(leaves, ACROSS, _always, camera_moves=False),
    "trail": _Recipe(trail, TRAVELS, _always),
    "driven": _Recipe(driven, ON_THE_SPOT, _inside, camera_moves=False),
    "loop": _Recipe(loop, PERIODIC, _always, camera_moves=False),
    "changes": _Recipe(changes, GENTLE, _going_on, camera_moves=False),
}
STILL_CAMERA_KINDS: tuple[str, ...] = tuple(
    kind for kind, recipe in _RECIPES.items() if not recipe.camera_moves
)
"""Kinds of scenes in which the camera must stand still."""

SWEEPS = {"pans": 0.25, "orbits": 0.5, "dollies": 1.2}
"""Limits of camera motions per clip and per second, in radians or units."""
_MOST_TRIES = 1000


def random_scene(
    seed: int,
    *,
    shape: str | None = None,
    colour: str | None = None,
    motion: str | None = None,
    setting: str | None = None,
    size: str | None = None,
    duration: float = DEFAULT_DURATION,
) -> Scene:
    """Draw the scene of a seed: one object that stays in view for `duration`.

    Args:
        seed: the same seed and constraints give the same scene.
        shape, colour, motion, setting, size: fix a property (names as in `SHAPES`, `COLOURS`,
            `MOTIONS`, `SETTINGS`, `SIZES`); the others stay as drawn.
        duration: seconds during which the object must stay in view of a square (or longer)
            image; a long duration slows movements down to fit.

    Raises:
        ValueError: a name is unknown, the shape cannot roll or the duration is not above 0.
    """
    if duration <= 0:
        raise ValueError(f"a duration of {duration} s is empty: use one above 0")
    draws = SeededDraws(seed)
    shape = draws.choose(ROLLING_SHAPES if motion == "rolls" else SHAPES, shape)
    colour = draws.choose(COLOURS, colour)
    motion = draws.choose(_FIRST_MOTIONS, motion)
    setting = draws.choose(SETTINGS, setting)
    size = draws.choose(SIZES, size)
    check_choice("motion", motion, MOTIONS)
    check_choice("size", size, SIZES)
    thing = SceneObject(
        shape=shape,
        colour=colour,
        motion=motion,
        size=SIZES[size],
        **place(draws, motion, SIZES[size], duration)._asdict(),
        yaw=draws.between(0.0, 2 * math.pi),
        phase=draws.between(0.0, 1.0),
    )
    return Scene(objects=(thing,), setting=setting, seed=seed)


def draw_scene(
    seed: int,
    *,
    kind: str | None = None,
    style: str | None = None,
    camera: str | None = None,
    shape: str | None = None,
    colour: str | None = None,
    motion: str | None = None,
    setting: str | None = None,
    size: str | None = None,
    duration: float = 17 / 16,
) -> Scene:
    """Draw the scene of a seed: one of `KINDS`, whose event takes place within `duration`.

    Args:
        seed: the same seed and constraints give the same scene.
        kind: one of `KINDS`; drawn from `MIXTURE` if None.
        style: one of `STYLES`; shaded if None.
        camera: one of `CAMERA_MOTIONS`; still if None.
        shape, colour, motion, size: fix a property of the first object.
        setting: one of `SETTINGS`.
        duration: seconds within which everything happens, in view of a square (or longer) image.

    Raises:
        ValueError: a name is unknown, a kind has no such motion, a camera cannot move in it, or
            the duration is not above 0.
    """
    _check(kind, camera, motion, size, duration)
    draws = SeededDraws(seed)
    kind = _kind(draws, kind, motion, camera)
    setting, pace = draws.choose(SETTINGS, setting), draws.between(0.6, 1.0)
    recipe = _RECIPES[kind]
    candidates = recipe.candidates(draws, Wish(shape, colour, motion, size, duration, setting))
    known = {"setting": setting, "style": style or "shaded", "kind": kind, "seed": seed}
    for tries, candidate in enumerate(islice(candidates, _MOST_TRIES)):
        calm = max(pace * 0.95**tries, 0.2)
        own = candidate.camera if candidate.camera.moves else _camera(camera, calm, duration)
        scene = replace(candidate, camera=own, **known)
        if recipe.shows(scene, duration) and in_picture(scene, duration):
            return scene
    raise ValueError(
        f"no scene of kind {kind!r} fits into {duration} s with these constraints: "
        "fix fewer properties, or use another duration or seed"
    )


def _camera(motion: str | None, pace: float, duration: float) -> Camera:
    if motion in (None, "still"):
        return STILL_CAMERA
    sweep = SWEEPS[motion.split()[0]]
    return replace(STILL_CAMERA, motion=motion, speed=pace * sweep / max(duration, 1.0))


def _kind(draws: SeededDraws, kind: str | None, motion: str | None, camera: str | None) -> str:
    """Return the given kind, or draw one from `MIXTURE` that supports the motion and the camera."""
    shares = {name: share for name, share in MIXTURE.items() if _has(name, motion, camera)}
    point = draws.between(0.0, sum(shares.values()))
    for name, share in shares.items():
        point -= share
        if point < 0:
            return kind or name
    return kind or "single"


def _has(kind: str, motion: str | None, camera: str | None) -> bool:
    recipe = _RECIPES[kind]
    return (motion is None or motion in recipe.motions) and (
        camera in (None, "still") or recipe.camera_moves
    )


def _check(
    kind: str | None, camera: str | None, motion: str | None, size: str | None, duration: float
) -> None:
    if duration <= 0:
        raise ValueError(f"a duration of {duration} s is empty: use one above 0")
    if motion is not None:
        check_choice("motion", motion, ALL_MOTIONS)
    if size is not None:
        check_choice("size", size, SIZES)
    if camera is not None:
        check_choice("camera motion", camera, CAMERA_MOTIONS)
    if kind is None:
        return
    check_choice("kind", kind, KINDS)
    recipe = _RECIPES[kind]
    if motion is not None and motion not in recipe.motions:
        possible = ", ".join(recipe.motions)
        raise ValueError(f"motion {motion!r} in a scene of kind {kind!r}: use one of {possible}")
    if not recipe.camera_moves and camera not in (None, "still"):
        raise ValueError(f"the camera must stand still in a scene of kind {kind!r}, not {camera!r}")
