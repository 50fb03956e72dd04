"""Renderings of the solids in every pose, as the camera sees them in some direction."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from einops import rearrange, reduce, repeat
from torch import Tensor

from ...toyworld.camera import STILL_CAMERA
from ...toyworld.scene import SHAPES
from ...toyworld.settings import SETTINGS
from ...toyworld.shading import light_of, paint_of, sectors, shade
from ...toyworld.solids import CYLINDER_RADIUS, HALF_HEIGHT, INTERSECTIONS
from ...toyworld.styles import INK

GRID = 20
"""Cells along each side of a sprite."""
SPAN = 1.7
"""Length of a side, as a multiple of the size of the solid, which is centred."""
LYING = "lying cylinder"
FORMS: tuple[str, ...] = (*SHAPES, LYING)
"""The upright solids, and a cylinder lying on its side with its axis along z."""

TURNS = 12
TILTS = 6
"""Number of steps into which half a turn is divided: about the solid's own axis, and for tilting a
sphere's axis."""

_FINE = 2
_DISTANCE = 5.0
_RIM = 0.09
_TONE_EDGE, _TONE = 0.25, 0.78


class Pose(NamedTuple):
    """The rotation of a solid: first about its own axis, then from +y towards +x (radians)."""

    form: str
    turn: float
    tilt: float = 0.0

    @property
    def shape(self) -> str:
        """One of `toyworld.SHAPES`."""
        return "cylinder" if self.form == LYING else self.form

    def rotation(self) -> Tensor:
        """Return the rotation (3, 3) from the solid's frame to the world."""
        cos, sin = math.cos(self.turn), math.sin(self.turn)
        own = torch.tensor([[cos, 0.0, sin], [0.0, 1.0, 0.0], [-sin, 0.0, cos]])
        if self.form == LYING:
            return torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]]) @ own
        cos, sin = math.cos(self.tilt), math.sin(self.tilt)
        return torch.tensor([[cos, sin, 0.0], [-sin, cos, 0.0], [0.0, 0.0, 1.0]]) @ own


def poses(form: str) -> tuple[Pose, ...]:
    """Return the poses of a form: `TURNS` upright ones, then a sphere's tilted ones."""
    return tuple(_poses(form))


def pose_count(form: str) -> int:
    """Return the number of poses of a form."""
    return TURNS * TILTS if form == "sphere" else TURNS


def half_height(form: str) -> float:
    """Return the height of the centre of a form of size 1 above its lowest point."""
    return CYLINDER_RADIUS if form == LYING else HALF_HEIGHT[form]


@functools.lru_cache(maxsize=128)
def sprites(form: str, setting: str, style: str, colour: str, side: float, down: float) -> Tensor:
    """Render all poses of a form: colour times cover, and cover (N, 4, G, G) in [0, 1].

    Args:
        side, down: the direction of the centre: its distance to the right of and below the camera,
            divided by its distance ahead.
    """
    base, accent = (rearrange(paint, "rgb -> rgb 1 1") for paint in paint_of(colour))
    layers = _layers(form, setting, style, side, down)
    picture = layers.base * base + layers.accent * accent + layers.plain
    cover = layers.cover[:, None]
    return torch.cat((torch.minimum(picture, cover), cover), dim=1)


def _poses(form: str) -> Iterator[Pose]:
    for tilt in range(TILTS if form == "sphere" else 1):
        for turn in range(TURNS):
            yield Pose(form, math.pi * turn / TURNS, math.pi * tilt / TILTS)


class _Layers(NamedTuple):
    """Factors for the two colours of an object, and a term to add, (N, 3, G, G)."""

    base: Tensor
    accent: Tensor
    plain: Tensor
    cover: Tensor  # (N, G, G)


class _Faces(NamedTuple):
    """What rays hit on all poses of a form (N, ...)."""

    hit: Tensor  # (N, R) bool
    inside: Tensor  # (N, R) bool, within the outline
    normal: Tensor  # (N, 3, R) in the world
    accent: Tensor  # (N, R) share of the second colour
    height: Tensor  # (N, R) over the floor, by the size


@functools.lru_cache(maxsize=512)
def _layers(form: str, setting: str, style: str, side: float, down: float) -> _Layers:
    _, rays = _rays(side, down)
    faces = _faces(form, side, down)
    light = light_of([SETTINGS[setting]], "cpu")
    normal = rearrange(faces.normal, "n xyz r -> xyz n r")
    if style == "cartoon":
        facing = torch.einsum("xnr,x->nr", normal, light.direction[0])
        gain = repeat(torch.where(facing > _TONE_EDGE, 1.0, _TONE), "n r -> rgb n r", rgb=3)
        gain, plain = gain * faces.inside, (INK * ~faces.inside).expand_as(gain)
        accent = (faces.accent > 0.5).float()
    else:
        towards, lit, sky = (rearrange(part[0], "rgb -> rgb 1 1") for part in light[:3])
        lights = (towards, lit, sky)
        dark, grey = (
            shade(torch.full_like(normal, tone), normal, rays[:, None], faces.height, lights)
            for tone in (0.0, 0.5)
        )
        gain, plain, accent = 2 * (grey - dark), dark, faces.accent
    layers = (gain * (1 - accent), gain * accent, plain)
    cover = _coarse(faces.hit.float()[None])[:, 0]
    own, other, rest = (_coarse(layer * faces.hit) for layer in layers)
    return _Layers(own, other, rest, cover)


def _coarse(fine: Tensor) -> Tensor:
    """Average (C, N, R) rays into cells (N, C, G, G)."""
    return reduce(fine, "c n (h a w b) -> n c h w", "mean", a=_FINE, b=_FINE, h=GRID, w=GRID)


def _rays(side: float, down: float) -> tuple[Tensor, Tensor]:
    """A camera (3,) that sees the centre in that direction, and its rays (3, R), through a plane
    parallel to the camera's image plane."""
    ahead = torch.tensor((side, -down, 1.0))
    origin = -_DISTANCE * ahead / ahead.norm()
    cells = GRID * _FINE
    steps = ((torch.arange(cells) + 0.5) / cells - 0.5) * SPAN
    up, right = torch.meshgrid(-steps, steps, indexing="ij")
    cos, sin = math.cos(STILL_CAMERA.pitch), math.sin(STILL_CAMERA.pitch)
    aims = torch.stack((right, up * cos, up * sin)).flatten(1)
    rays = aims - origin[:, None]
    return origin, rays / rays.norm(dim=0)


@functools.lru_cache(maxsize=128)
def _faces(form: str, side: float, down: float) -> _Faces:
    origin, rays = _rays(side, down)
    parts = [_meet(pose, origin, rays) for pose in poses(form)]
    return _Faces(*(torch.stack(part) for part in zip(*parts, strict=True)))


def _meet(pose: Pose, origin: Tensor, rays: Tensor) -> _Faces:
    turned, solid = pose.rotation(), INTERSECTIONS[pose.shape]
    own_origin, own_rays = (turned.T @ origin)[:, None], turned.T @ rays
    distance, normal = solid(own_origin, own_rays)
    hit = distance.isfinite()
    point = own_origin + torch.where(hit, distance, 0.0) * own_rays
    inside = solid(own_origin / (1 - _RIM), own_rays / (1 - _RIM)).distance.isfinite()
    normal = torch.where(hit, turned @ normal, 0.0)
    height = (turned @ point)[1] + half_height(pose.form)
    return _Faces(hit, inside, normal, sectors(point), height)
