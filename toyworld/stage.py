"""What a batch of scenes shows behind its objects, frame by frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from .background import Background, render_view
from .camera import View
from .scene import Scene
from .views import moves, views

_FAR = 1e6


class Stage(NamedTuple):
    """The places (V) that are seen, each rendered once, and which of them each frame shows."""

    colour: Tensor  # (V, H, W, 3)
    distance: Tensor  # (V, H, W) along the ray, infinite in the sky
    floor: Tensor  # (V, 2, H, W) x and z under each pixel centre, far away in the sky
    place: Tensor  # (B, F) index into V
    view: View  # (B, F)


def stage_of(
    scenes: Sequence[Scene],
    seconds: Tensor,
    *,
    height: int,
    width: int,
    device: torch.device | str,
) -> Stage:
    """Render the backgrounds of the scenes; one per scene whose camera stands still, or fewer."""
    places: list[Background] = []
    starts: dict[tuple[object, ...], int] = {}
    paths = [views(scene, seconds) for scene in scenes]
    rows = []
    for scene, path in zip(scenes, paths, strict=True):
        count = len(seconds) if moves(scene) else 1
        key = (scene.setting, scene.style, scene.camera, scene.actions if count > 1 else None)
        if key not in starts:
            starts[key] = len(places)
            options = {"style": scene.style, "device": device, "height": height, "width": width}
            places += [render_view(scene.setting, path.at(k), **options) for k in range(count)]
        rows.append(starts[key] + torch.arange(count).expand(len(seconds)))
    colour, distance, floor = (torch.stack(part) for part in zip(*places, strict=True))
    floor = torch.where(distance.isfinite()[:, None], floor, _FAR)
    return Stage(colour, distance, floor, torch.stack(rows).to(device), _stacked(paths).to(device))


def _stacked(paths: list[View]) -> View:
    parts = ((path.eye, path.yaw, path.pitch, path.field_of_view) for path in paths)
    return View(*(torch.stack(part) for part in zip(*parts, strict=True)))
