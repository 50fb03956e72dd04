"""Exact optical flow of clips, from each frame to the next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from einops import rearrange
from torch import Tensor

from .camera import View
from .physics import States
from .renderer import Clip
from .scene import Scene
from .views import views

_FAR = 1e6
"""Assumed distance of the sky in units: small enough to compute with, too large to be reached."""

_CLOSE = 0.02
"""Relative difference in distance within which the next frame shows the same surface."""


class TrueFlow(NamedTuple):
    """Motion of clips from each frame to the next.

    Attributes:
        vectors: (B, F - 1, H, W, 2) pixels per frame to the right and downwards.
        visible: (B, F - 1, H, W) bool, whether the point that a pixel shows is still visible in the
            next frame.
    """

    vectors: Tensor
    visible: Tensor


def true_flow(
    scenes: Sequence[Scene], clip: Clip, *, fps: float = 16.0, first: int = 0
) -> TrueFlow:
    """Return the motion of the point at each pixel's centre, from the objects and the camera.

    Shadows, stripes and light do not count as objects: the floor under them stands still.

    Args:
        scenes: the rendered scenes.
        clip: the result of `render`.
        fps, first: as passed to `render`.
    """
    masks, depth, states = clip.masks, clip.depth, clip.states
    height, width = depth.shape[-2:]
    seconds = torch.arange(first, first + depth.shape[1], dtype=torch.float64) / fps
    view = _stacked([views(scene, seconds) for scene in scenes]).to(depth.device)
    now, later = (view.at(slice(None), part, None, None) for part in (slice(-1), slice(1, None)))
    centres = _centres(height, width, depth.device)
    rays = now.ray_directions(*centres, height, width)  # (3, B, F - 1, H, W)
    away = rays * depth[:, :-1].clamp(max=_FAR)
    points = rearrange(away, "xyz b f h w -> b f h w xyz") + now.eye
    points = _carried(points, masks[:, :-1], states)
    x, y, ahead = later.project(points, height, width)
    vectors = torch.stack((x - centres[0], y - centres[1]), dim=-1)
    across, above = later.slopes(x, y, height, width)
    distance = ahead * (1 + across**2 + above**2).sqrt()
    seen = _is_seen(x, y, distance, depth[:, 1:]) & (ahead > 0)
    return TrueFlow(vectors, seen & ~_vanishes(masks[:, :-1], states))


def _stacked(paths: list[View]) -> View:
    parts = ((path.eye, path.yaw, path.pitch, path.field_of_view) for path in paths)
    return View(*(torch.stack(part) for part in zip(*parts, strict=True)))


def _centres(height: int, width: int, device: torch.device) -> tuple[Tensor, Tensor]:
    rows = torch.arange(height, device=device) + 0.5
    columns = torch.arange(width, device=device) + 0.5
    y, x = torch.meshgrid(rows, columns, indexing="ij")
    return x, y


def _carried(points: Tensor, masks: Tensor, states: States) -> Tensor:
    """Return points (B, F - 1, H, W, 3) one frame later: those on an object move with it."""
    turned = states.rotation[:, 1:] @ states.rotation[:, :-1].mT
    for o in range(masks.shape[2]):
        scene, frame, row, column = masks[:, :, o].nonzero(as_tuple=True)
        offset = points[scene, frame, row, column] - states.centre[scene, frame, o]
        turn, centre = turned[scene, frame, o], states.centre[scene, frame + 1, o]
        points[scene, frame, row, column] = torch.einsum("p i j, p j -> p i", turn, offset) + centre
    return points


def _vanishes(masks: Tensor, states: States) -> Tensor:
    """Return the pixels (B, F - 1, H, W) of objects that are absent one frame later."""
    gone = (states.rotation[:, 1:] == 0).all(dim=-1).all(dim=-1)
    return (masks & gone[..., None, None]).any(dim=2)


def _is_seen(x: Tensor, y: Tensor, distance: Tensor, depth: Tensor) -> Tensor:
    """Return whether points at pixels x, y (B, F - 1, H, W) are in the image and not hidden."""
    height, width = depth.shape[-2:]
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    row, column = (part.long() for part in (y.clamp(0, height - 1), x.clamp(0, width - 1)))
    met = depth.flatten(2).gather(2, (row * width + column).flatten(2)).view_as(depth)
    return inside & (distance <= met.clamp(max=_FAR) * (1 + _CLOSE))
