"""Rays through the pixels near objects, and the colours that they meet first.

Rays are parametrised by depth along the viewing axis, and traced in the frame and scale of the
object that they may meet, so neither rays nor normals have to be rotated.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from einops import rearrange
from torch import Tensor

from .backdrop import Backdrop
from .object_batch import ObjectBatch
from .scene import Scene
from .shading import Light
from .solids import INTERSECTIONS
from .styles import INK, LOOKS, Surface

OFFSETS = ((0.0, 0.0), (-0.375, -0.125), (0.125, -0.375), (0.375, 0.125), (-0.125, 0.375))
"""Positions of the rays within a pixel: its centre, which alone determines masks and depth, and a
rotated square."""

_THINNEST = 0.3


class Samples(NamedTuple):
    """Rays through the pixels that may show an object, S per pixel, and their first hits."""

    scene: Tensor  # (P,)
    frame: Tensor  # (P,)
    row: Tensor  # (P,)
    column: Tensor  # (P,)
    across: Tensor  # (S, P) offset to the right of the axis at depth 1
    above: Tensor  # (S, P) offset upwards from the axis at depth 1
    depth: Tensor  # (S, P) along the axis, infinite where no object is met
    owner: Tensor  # (S, P) index of the object met
    colour: Tensor  # (3, S, P) 0 where no object is met

    def distance(self) -> Tensor:
        """Return the distance to the object along the ray through each pixel's centre (P,)."""
        return self.depth[0] * (1 + self.across[0] ** 2 + self.above[0] ** 2).sqrt()


class _Sight(NamedTuple):
    """The camera and the light in one object's own frame and scale, for every moment (B F)."""

    rays: Tensor  # (9, B F) the camera's right, up and forward
    eye: Tensor  # (3, B F)
    looks: Tensor  # (20, B F) the fields of a Surface from `up` on, and the inside of the rim


def meet(
    samples: Samples,
    near: Tensor,
    index: int,
    scenes: Sequence[Scene],
    world: tuple[ObjectBatch, Backdrop, Light],
) -> None:
    """Trace object `index` of every scene, and update the samples in place where it is nearer.

    Only the pixels `near` it (B, F, H, W) are traced.
    """
    kinds = [_kind(scene, index) for scene in scenes]
    known = sorted({kind for kind in kinds if kind})
    numbers = [known.index(kind) if kind else -1 for kind in kinds]
    number = torch.tensor(numbers, device=near.device)[samples.scene]
    close = near[samples.scene, samples.frame, samples.row, samples.column]
    sight = _sight(scenes, index, world)
    for k, kind in enumerate(known):
        chosen = ((number == k) & close).nonzero(as_tuple=True)[0]
        moment = samples.scene[chosen] * near.shape[1] + samples.frame[chosen]
        _meet_kind(samples, chosen, index, kind, (sight, moment))


def _kind(scene: Scene, index: int) -> tuple[str, str] | None:
    """Return the shape and style of an object, or None if the scene does not have it."""
    return (scene.objects[index].shape, scene.style) if index < len(scene.objects) else None


def _sight(
    scenes: Sequence[Scene], index: int, world: tuple[ObjectBatch, Backdrop, Light]
) -> _Sight:
    things, backdrop, light = world
    centre, rotation = (part[:, :, index] for part in things.states[:2])
    size = things.size[:, index, None].clamp(min=1e-6)  # (B, 1)
    way = backdrop.view.eye - centre
    rays = torch.einsum("b f j i, k j b f -> k i b f", rotation, backdrop.view.axes()) / size
    eye = torch.einsum("b f j i, b f j -> i b f", rotation, way) / size
    towards = torch.einsum("b f j i, b f j -> i b f", rotation, light.direction)
    up, high = rearrange(rotation[..., 1, :], "b f i -> i b f"), centre[..., 1] / size
    rims = torch.tensor([LOOKS[scene.style].rim for scene in scenes], device=size.device)
    wide = 2 * torch.tan(backdrop.view.field_of_view / 2) * way.norm(dim=-1)
    inside = (1 - 2 * rims[:, None] * wide / size).clamp(min=_THINNEST)
    paints = [
        rearrange(paint[:, index], "b rgb -> rgb b 1").expand_as(up)
        for paint in (things.base, things.accent)
    ]
    lit = [rearrange(part, "b f rgb -> rgb b f") for part in (light.colour, light.ambient)]
    looks = torch.cat((up, towards, high[None], *paints, *lit, inside[None]))
    return _Sight(rays.flatten(2).flatten(0, 1), eye.flatten(1), looks.flatten(1))


def _meet_kind(
    samples: Samples,
    chosen: Tensor,
    index: int,
    kind: tuple[str, str],
    sights: tuple[_Sight, Tensor],
) -> None:
    sight, moment = sights
    solid = INTERSECTIONS[kind[0]]
    eye = sight.eye.index_select(1, moment)  # (3, P)
    across, above = (part.index_select(1, chosen) for part in (samples.across, samples.above))
    rays = rearrange(sight.rays.index_select(1, moment), "(way xyz) p -> way xyz p", way=3)
    ray = torch.stack([r * across + u * above + f for r, u, f in zip(*rays, strict=True)])
    hit = solid(eye[:, None], ray)  # (S, P)
    nearer = hit.distance < samples.depth.index_select(1, chosen)
    met = nearer.flatten().nonzero(as_tuple=True)[0]  # (N,) of the rays that meet the object
    pixel = met % len(chosen)
    depth, normal = hit.distance.flatten()[met], _picked(hit.normal, met)
    looks = sight.looks.index_select(1, moment[pixel])  # (20, N)
    eye, ray = eye.index_select(1, pixel), _picked(ray, met)
    look = LOOKS[kind[1]]
    colour = look.paint(_surface(eye + depth * ray, normal, ray, looks))
    if look.rim:
        inside = looks[-1]
        colour = torch.where(solid(eye / inside, ray / inside).distance.isinf(), INK, colour)
    place = met // len(chosen) * len(samples.scene) + chosen[pixel]
    samples.depth.view(-1)[place] = depth
    samples.owner.view(-1)[place] = index
    rearrange(samples.colour, "c s p -> c (s p)").index_copy_(1, place, colour)


def _surface(point: Tensor, normal: Tensor, ray: Tensor, looks: Tensor) -> Surface:
    unit = ray * torch.rsqrt((ray * ray).sum(dim=0))
    up, light, base, accent, bright, ambient = (
        looks[start : start + 3] for start in (0, 3, 7, 10, 13, 16)
    )
    height = (point * up).sum(dim=0) + looks[6]
    return Surface(point, normal, unit, up, light, height, base, accent, bright, ambient)


def _picked(values: Tensor, met: Tensor) -> Tensor:
    """Return the columns `met` of (3, S, P) values, indexed over samples and pixels together."""
    return rearrange(values, "xyz s p -> xyz (s p)").index_select(1, met)
