"""Stripes of paint that moving objects leave on the floor."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from .backdrop import Backdrop
from .object_batch import ObjectBatch
from .physics import is_there, simulate
from .scene import Scene
from .shading import Light, floor_light
from .solids import reach
from .styles import LOOKS
from .views import moves

_STEPS_PER_SECOND = 48
_TOUCHING = 0.05
_WIDTH = 0.75


class _Path(NamedTuple):
    """An object's path from the previous frame to each frame, in N straight pieces."""

    start: Tensor  # (F, N, 2) x and z
    end: Tensor  # (F, N, 2)
    paints: Tensor  # (F, N) whether it touched the floor at both ends


def paint_trails(
    video: Tensor,
    scenes: Sequence[Scene],
    world: tuple[ObjectBatch, Backdrop, Light],
    fps: float,
    first: int,
) -> None:
    """Paint the trails of all scenes onto the bare floor of `video` (B, F, H, W, 3) in place.

    The video's first frame is the scenes' frame `first`; trails painted before it are included.
    """
    things, backdrop, light = world
    shaded = floor_light(light)
    for b, scene in enumerate(scenes):
        trails = [o for o, thing in enumerate(scene.objects) if thing.trail]
        if not trails:
            continue
        places = backdrop.place[b] if moves(scene) else backdrop.place[b, :1]
        floor, blur = backdrop.floor[places], _blur(backdrop, b, places)
        paths = _paths(scene, trails, first + video.shape[1], fps)
        for o, path in zip(trails, paths, strict=True):
            path = _Path(*(part.to(video.device) for part in path))
            cover = _cover(floor, blur, path, _WIDTH * things.half_width[b, o], first)
            colour = things.accent[b, o] * (shaded[b] if LOOKS[scene.style].lit else 1.0)
            colour = colour.clamp(0, 1).expand(len(cover), 3)[:, None, None]
            video[b] = torch.lerp(video[b], colour, cover[..., None])


def _blur(backdrop: Backdrop, scene: int, places: Tensor) -> Tensor:
    """Return the width in units of the floor under a pixel (K, H, W), at most 1."""
    distance = backdrop.distance[places]
    view = backdrop.view.at(scene, slice(len(places)))
    focal = view.focal_length(*distance.shape[-2:])
    return (distance / focal[:, None, None]).clamp(max=1)


def _paths(scene: Scene, trails: list[int], frames: int, fps: float) -> list[_Path]:
    pieces = math.ceil(_STEPS_PER_SECOND / fps)
    seconds = torch.arange((frames - 1) * pieces + 1, dtype=torch.float64) / (fps * pieces)
    states = simulate(scene, seconds)
    knots = pieces * (torch.arange(frames)[:, None] - 1) + torch.arange(pieces + 1)
    knots = knots.clamp(min=0)  # (F, N + 1)
    paths = []
    for o in trails:
        thing = scene.objects[o]
        low = states.centre[:, o, 1] - thing.size * reach(thing.shape, states.rotation[:, o])[:, 1]
        touches = ((low < _TOUCHING) & is_there(thing, seconds))[knots]
        spots = states.centre[:, o, ::2].float()[knots]
        paths.append(_Path(spots[:, :-1], spots[:, 1:], touches[:, :-1] & touches[:, 1:]))
    return paths


def _cover(floor: Tensor, blur: Tensor, path: _Path, wide: Tensor, first: int) -> Tensor:
    """Return the share of each pixel (F, H, W) that the path so far covers, `wide` to either side.

    The path begins with frame 0, the returned frames with `first`. The floor points (K, 2, H, W)
    and their blur (K, H, W) have one entry per returned frame, or one for all.
    """
    cover = floor.new_zeros(len(path.start) - first, *floor.shape[-2:])
    ends = torch.cat((path.start, path.end)).flatten(0, 1)
    low, high = (ends.amin(dim=0) - wide - 1), (ends.amax(dim=0) + wide + 1)
    around = (floor > low[:, None, None]) & (floor < high[:, None, None])
    around = around.all(dim=1)
    for frame in range(len(cover)):
        k = min(frame, len(floor) - 1)
        row, column = around[k].nonzero(as_tuple=True)
        so_far = _Path(*(part[: first + frame + 1].flatten(0, 1) for part in path))
        away = _distance(floor[k, 0, row, column], floor[k, 1, row, column], so_far)
        cover[frame, row, column] = ((wide - away) / blur[k, row, column] + 0.5).clamp(0, 1)
    return cover


def _distance(x: Tensor, z: Tensor, path: _Path) -> Tensor:
    """Return the distance of floor points (M,) from the nearest of N pieces that paint."""
    start_x, start_z = path.start.T
    way_x, way_z = (path.end - path.start).T
    x, z = x[:, None] - start_x, z[:, None] - start_z  # (M, N)
    length = (way_x * way_x + way_z * way_z).clamp(min=1e-12)
    along = ((x * way_x + z * way_z) / length).clamp(0, 1)
    x, z = x - along * way_x, z - along * way_z
    return (x * x + z * z).masked_fill(~path.paints, torch.inf).amin(dim=1).sqrt()
