"""The appearance of surfaces of each colour in a setting and a style."""

from __future__ import annotations

import functools

import torch
from einops import rearrange
from torch import Tensor

from ...toyworld.scene import COLOURS
from ...toyworld.settings import SETTINGS
from ...toyworld.shading import light_of, paint_of, shade

_TONES = (1.0, 0.78)


@functools.lru_cache(maxsize=64)
def shades(setting: str, style: str) -> Tensor:
    """Return display colours (8, K, 3) of surfaces of each of `COLOURS`, at all orientations."""
    paints = torch.stack([paint for name in COLOURS for paint in paint_of(name)])  # (16, 3)
    if style == "cartoon":
        tones = torch.tensor(_TONES)[:, None]
        return rearrange(paints[:, None] * tones, "(n two) k rgb -> n (two k) rgb", two=2)
    angles = torch.linspace(-55.0, 55.0, 5).deg2rad()
    side, up = (grid.flatten() for grid in torch.meshgrid(angles, angles, indexing="ij"))
    normal = torch.stack((side.sin() * up.cos(), up.sin(), -side.cos() * up.cos()))
    ray = torch.tensor((0.0, -0.2, 0.98))[:, None]
    light = light_of([SETTINGS[setting]], "cpu")
    lights = (light.direction.T, light.colour.T, light.ambient.T)
    height = torch.full_like(side, 0.5)
    lit = [shade(paint[:, None], normal, ray, height, lights) for paint in paints]
    return rearrange(lit, "(n tone) rgb k -> n (tone k) rgb", tone=2)
