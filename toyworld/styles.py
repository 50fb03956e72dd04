"""The appearance of surfaces in each style: softly lit, or flat tones within a dark outline."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from .shading import sectors, shade

INK = 0.05
"""Brightness of the outlines."""

_SHADE_TONE = 0.78
_SHADE_EDGE = 0.25


class Surface(NamedTuple):
    """The points where N rays meet solids of one kind, all in the solid's own frame and scale."""

    point: Tensor  # (3, N)
    normal: Tensor  # (3, N)
    ray: Tensor  # (3, N) unit, away from the camera
    up: Tensor  # (3, N) the world's vertical
    light: Tensor  # (3, N) towards the light
    height: Tensor  # (N,) above the floor
    base: Tensor  # (3, N) the solid's colours
    accent: Tensor  # (3, N)
    bright: Tensor  # (3, N) the light's colour
    ambient: Tensor  # (3, N) the sky's colour


class Style(NamedTuple):
    """How a scene is drawn.

    Attributes:
        paint: computes the display colours of surfaces, (3, N) in [0, 1].
        rim: width of the objects' outlines, as a fraction of the image's shorter side.
        shadow_edge: hardness of the shadows' edges, 1 for soft ones.
        lit: whether the light changes the colours of paint on the floor.
    """

    paint: Callable[[Surface], Tensor]
    rim: float
    shadow_edge: float
    lit: bool


def _shaded(surface: Surface) -> Tensor:
    albedo = torch.lerp(surface.base, surface.accent, sectors(surface.point))
    lights = (surface.light, surface.bright, surface.ambient)
    return shade(albedo, surface.normal, surface.ray, surface.height, lights, surface.up)


def _cartoon(surface: Surface) -> Tensor:
    flat = torch.where(sectors(surface.point) > 0.5, surface.accent, surface.base)
    facing = (surface.normal * surface.light).sum(dim=0)
    return flat * torch.where(facing > _SHADE_EDGE, 1.0, _SHADE_TONE)


LOOKS: dict[str, Style] = {
    "shaded": Style(_shaded, rim=0.0, shadow_edge=1.0, lit=True),
    "cartoon": Style(_cartoon, rim=0.013, shadow_edge=8.0, lit=False),
}
"""The look of each of `scene.STYLES`."""
