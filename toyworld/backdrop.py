"""The backgrounds of a batch of scenes, frame by frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from .background import Background
from .camera import View
from .scene import Scene
from .settings import Setting
from .transitions import render_backdrop, settings_of, varies
from .views import moves, views

_FAR = 1e6


class Backdrop(NamedTuple):
    """The V distinct backgrounds, each rendered once, and which of them each frame shows."""

    colour: Tensor  # (V, H, W, 3)
    distance: Tensor  # (V, H, W) along the ray, infinite in the sky
    floor: Tensor  # (V, 2, H, W) x and z under each pixel centre, far away in the sky
    place: Tensor  # (B, F) index into V
    view: View  # (B, F)
    settings: list[list[Setting]]  # B times F, whose light falls on the scene


def backdrop_of(
    scenes: Sequence[Scene],
    seconds: Tensor,
    *,
    height: int,
    width: int,
    device: torch.device | str,
) -> Backdrop:
    """Render the scenes' backgrounds: at most one for each scene whose background never changes."""
    places: list[Background] = []
    starts: dict[tuple[object, ...], int] = {}
    paths = [views(scene, seconds) for scene in scenes]
    settings = [
        settings_of(scene, seconds, path) for scene, path in zip(scenes, paths, strict=True)
    ]
    rows = []
    for scene, path, lit in zip(scenes, paths, settings, strict=True):
        count = len(seconds) if moves(scene) or varies(scene) else 1
        over_time = (scene.actions, scene.change) if count > 1 else None
        key = (scene.setting, scene.style, scene.camera, over_time)
        if key not in starts:
            starts[key] = len(places)
            options = {"device": device, "height": height, "width": width}
            places += [render_backdrop(scene, lit[k], path.at(k), **options) for k in range(count)]
        rows.append(starts[key] + torch.arange(count).expand(len(seconds)))
    colour, distance, floor = (torch.stack(part) for part in zip(*places, strict=True))
    floor = torch.where(distance.isfinite()[:, None], floor, _FAR)
    place, view = torch.stack(rows).to(device), _stacked(paths).to(device)
    return Backdrop(colour, distance, floor, place, view, settings)


def _stacked(paths: list[View]) -> View:
    parts = ((path.eye, path.yaw, path.pitch, path.field_of_view) for path in paths)
    return View(*(torch.stack(part) for part in zip(*parts, strict=True)))
