"""Checks that a scene shows what it should: objects in view, apart on the floor, not hidden."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch

from .camera import STILL_CAMERA
from .motion import extent, seen_width
from .physics import floor_paths, simulate
from .placing import MARGIN
from .scene import Scene
from .views import moves, views

NEAREST, FARTHEST = 4.7, 10.5
"""How far from the camera objects are drawn, in units."""

_MOMENTS = 12
_APART = 0.12
_HIDDEN = 0.35
_BESIDE = 0.1
_CENTRED = 0.9
_NEAR = 2.5


class Sight(NamedTuple):
    """How the still camera sees a scene's O objects at F moments, each (O, F)."""

    x: np.ndarray  # units
    z: np.ndarray  # units
    radius: np.ndarray  # (O, 1) units on the floor
    slope: np.ndarray  # how far right of the axis, at depth 1
    width: np.ndarray  # half its width, at depth 1
    half_view: np.ndarray  # largest distance from the axis still in view, in units


def sight(scene: Scene, duration: float) -> Sight:
    """Return what the still camera sees of a scene during `duration` seconds."""
    x, z = floor_paths(scene, np.linspace(0.0, duration, _MOMENTS))
    radius = np.array([extent(thing) for thing in scene.objects])[:, None]
    camera = STILL_CAMERA
    ahead, down = math.cos(camera.pitch), math.sin(camera.pitch)
    half = np.array([thing.size / 2 for thing in scene.objects])[:, None]
    depth = z * ahead + (camera.height - half) * down
    half_view = (depth - half * ahead) * math.tan(camera.field_of_view / 2)
    wide = np.stack([seen_width(*pair) for pair in zip(scene.objects, depth, strict=True)])
    return Sight(x, z, radius, x / depth, wide, half_view)


def in_view(seen: Sight) -> bool:
    """Return whether all objects are always entirely in view, neither too near nor too far."""
    inside = np.abs(seen.x) + seen.radius + MARGIN <= seen.half_view + 1e-9
    return bool((inside & (seen.z >= NEAREST) & (seen.z <= FARTHEST)).all())


def apart(seen: Sight) -> bool:
    """Return whether no two objects ever come close to each other on the floor."""
    return all(
        bool((np.hypot(seen.x[i] - seen.x[j], seen.z[i] - seen.z[j]) > _reach(seen, i, j)).all())
        for i, j in _pairs(len(seen.x))
    )


def unhidden(seen: Sight, share: float = _HIDDEN) -> bool:
    """Return whether no object ever hides more than `share` of another's width."""
    return all(float(hidden_part(seen, i, j).max()) <= share for i, j in _pairs(len(seen.x)))


def passes_behind(seen: Sight) -> bool:
    """Return whether the second object hides the first one, which is seen before and after."""
    hidden = hidden_part(seen, 0, 1)
    behind = bool((seen.z[0] > seen.z[1]).all())
    return behind and hidden.max() > 0.95 and max(hidden[0], hidden[-1]) < 0.5


def in_picture(scene: Scene, duration: float) -> bool:
    """Return whether a moving camera always sees the centre of every object.

    In scenes with a change, such as a pan from one object to another, it need not.
    """
    if not moves(scene) or scene.change is not None:
        return True
    seconds = torch.linspace(0.0, duration, _MOMENTS, dtype=torch.float64)
    centre = simulate(scene, seconds).centre
    x, y, depth = views(scene, seconds).at(..., None).project(centre, 2, 2)
    across, above = (x - 1).abs().max(), (y - 1).abs().max()
    return float(torch.maximum(across, above)) < _CENTRED and float(depth.min()) > _NEAR


def related(seen: Sight, relation: str) -> bool:
    """Return whether the first object always has this relation to the second one."""
    if relation == "on top of":
        return True
    (x, other_x), (z, other_z) = seen.x[:2], seen.z[:2]
    if relation in ("left of", "right of"):
        beside = float(hidden_part(seen, 0, 1).max()) <= _BESIDE
        return beside and bool(((x < other_x) == (relation == "left of")).all())
    behind, reach = relation == "behind", float(seen.radius[0, 0] + seen.radius[1, 0])
    return bool(((z - other_z if behind else other_z - z) >= reach).all())


def hidden_part(seen: Sight, i: int, j: int) -> np.ndarray:
    """Return the share (F,) of the farther object's width that the nearer one covers."""
    overlap = seen.width[i] + seen.width[j] - np.abs(seen.slope[i] - seen.slope[j])
    overlap = np.clip(overlap, 0.0, 2 * np.minimum(seen.width[i], seen.width[j]))
    return overlap / (2 * np.where(seen.z[i] > seen.z[j], seen.width[i], seen.width[j]))


def _reach(seen: Sight, i: int, j: int) -> float:
    return float(seen.radius[i, 0] + seen.radius[j, 0]) + _APART


def _pairs(count: int) -> list[tuple[int, int]]:
    return [(i, j) for j in range(count) for i in range(j)]
