"""Light on surfaces, and shadows on the floor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from .scene import COLOURS
from .settings import RGB, Setting

_GLOSS = 0.22
_GLOSS_POWER = 24
_WRAP = 0.2
_ACCENT_FACTOR = 0.7
_ACCENTS: dict[str, RGB] = {"white": (0.78, 0.78, 0.78), "black": (0.22, 0.22, 0.23)}


class Light(NamedTuple):
    """Light at any number of moments (...).

    The unit direction towards it, its colour and the sky's colour, each (..., 3); and the share
    that a shadow takes away (...).
    """

    direction: Tensor
    colour: Tensor
    ambient: Tensor
    shadow: Tensor


class Paint(NamedTuple):
    """The two colours of an object's sectors, each (..., 3) in [0, 1]."""

    base: Tensor
    accent: Tensor


def light_of(settings: Sequence[Setting], device: torch.device | str) -> Light:
    """Return the light of N settings, (N, 3) and (N,)."""

    def rows(values: list[RGB]) -> Tensor:
        return torch.tensor(values, device=device, dtype=torch.float32)

    direction = rows([setting.light for setting in settings])
    return Light(
        direction / direction.norm(dim=-1, keepdim=True),
        rows([setting.light_colour for setting in settings]),
        rows([setting.ambient_colour for setting in settings]),
        torch.tensor([setting.shadow for setting in settings], device=device),
    )


def paint_of(colour: str) -> Paint:
    """Return a colour's base tone and the darker (for black: lighter) tone of its sectors."""
    base = torch.tensor(COLOURS[colour])
    accent = torch.tensor(_ACCENTS[colour]) if colour in _ACCENTS else base * _ACCENT_FACTOR
    return Paint(base, accent)


def sectors(point: Tensor) -> Tensor:
    """Return the share of the accent colour (...) at a point (3, ...) in the object's own frame.

    Two opposite quarters around the vertical have it, so that a turn of any solid shows.
    """
    x, z = point[0] ** 2, point[2] ** 2
    return (0.5 + 2 * (x - z) / (x + z + 1e-6)).clamp(0, 1)


def shade(
    albedo: Tensor,
    normal: Tensor,
    ray: Tensor,
    above: Tensor,
    lights: tuple[Tensor, Tensor, Tensor],
    up: Tensor | None = None,
) -> Tensor:
    """Light a surface: soft Lambert, sky ambience, contact darkening and a small highlight.

    Args:
        albedo, normal, ray: (3, ...); the ray points away from the camera.
        above: height above the floor relative to the object's size (...).
        lights: direction towards the light, its colour, and the sky's colour, each (3, ...).
        up: the vertical (3, ...), if the directions are given in a rotated frame.

    Returns:
        Display colours (3, ...) in [0, 1].
    """
    direction, bright, ambient = lights
    facing = (normal * direction).sum(dim=0)
    diffuse = ((facing + _WRAP) / (1 + _WRAP)).clamp(min=0)
    upward = normal[1] if up is None else (normal * up).sum(dim=0)
    ambience = (0.75 + 0.25 * upward) * (0.55 + 1.5 * above).clamp(max=1)
    between = direction - ray
    cosine = (normal * between).sum(dim=0) * torch.rsqrt((between * between).sum(dim=0))
    gloss = _GLOSS * cosine.clamp(min=0) ** _GLOSS_POWER
    return (albedo * (bright * diffuse + ambient * ambience) + bright * gloss).clamp(0, 1)


def floor_light(light: Light) -> Tensor:
    """Return the share of each colour that the open floor reflects (..., 3)."""
    diffuse = ((light.direction[..., 1:2] + _WRAP) / (1 + _WRAP)).clamp(min=0)
    return light.colour * diffuse + light.ambient


def floor_shade(
    floor: Tensor, centre: Tensor, radius: Tensor, lift: Tensor, light: Light, sharpness: Tensor
) -> Tensor:
    """Return the light that one object per scene leaves on the floor (B, F, H, W).

    Its shadow is a soft ellipse under the object, stretched away from the light, and wider and
    fainter the higher the object is.

    Args:
        floor: x and z of the floor under each pixel (B, F, 2, H, W), far away in the sky.
        centre: the object's position (B, F, 3); `radius` its half width (B, F), 0 without an
            object; `lift` the height of its lowest point (B, F).
        light: of every frame, (B, F, 3) and (B, F).
        sharpness: 1 for a soft shadow, higher for a harder edge (B,).
    """
    lean = -light.direction[..., ::2] / light.direction[..., 1:2].clamp(min=0.1)  # (B, F, 2)
    length = lean.norm(dim=-1)
    along = lean / length[..., None].clamp(min=1e-6)
    middle = centre[..., ::2] + lean * (lift + 0.45 * radius)[..., None]
    x = floor[:, :, 0] - middle[..., 0, None, None]
    z = floor[:, :, 1] - middle[..., 1, None, None]
    across_x, across_z = (along[..., i, None, None] for i in range(2))
    wide = (radius * (1 + 0.3 * lift)).clamp(min=1e-6)
    long = wide * (1 + 0.35 * length)
    down = (x * across_x + z * across_z) / long[..., None, None]
    over = (x * across_z - z * across_x) / wide[..., None, None]
    core = 0.75 - (down * down + over * over).sqrt()
    core = (core * sharpness[:, None, None, None] + 0.5).clamp(0, 1)
    strength = light.shadow * (radius > 0) / (1 + 0.8 * lift)
    return 1 - strength[..., None, None] * core * core * (3 - 2 * core)
