"""The still part of a picture: sky, far ridge and floor of a setting, and how far they are."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from .camera import Camera
from .settings import RGB, SETTINGS, Setting

_SAMPLES = 3
_FLOOR_FADE = 9.0


class Background(NamedTuple):
    """Colours (H, W, 3) in [0, 1], distance along the ray (H, W), infinite in the sky, and the
    floor point x, z (2, H, W) under each pixel centre (0 in the sky)."""

    colour: Tensor
    distance: Tensor
    floor: Tensor


def render_background(
    name: str, *, height: int, width: int, camera: Camera, device: torch.device | str = "cpu"
) -> Background:
    """Render the setting `name` as `camera` sees it without any object, antialiased 3 x 3."""
    setting = SETTINGS[name]
    fine_x, fine_y = _grid(height, width, _SAMPLES, device)
    fine = camera.ray_directions(fine_x, fine_y, height, width)
    colour = _colour(setting, fine, camera.height)
    colour = colour.reshape(3, height, _SAMPLES, width, _SAMPLES).mean(dim=(2, 4))
    x, y = _grid(height, width, 1, device)
    rays = camera.ray_directions(x, y, height, width)
    distance = _floor_distance(rays, camera.height)
    floor = rays[::2] * torch.where(distance.isfinite(), distance, 0.0)
    return Background(colour.permute(1, 2, 0).clamp(0, 1).contiguous(), distance, floor)


def _grid(
    height: int, width: int, samples: int, device: torch.device | str
) -> tuple[Tensor, Tensor]:
    y = (torch.arange(height * samples, device=device, dtype=torch.float32) + 0.5) / samples
    x = (torch.arange(width * samples, device=device, dtype=torch.float32) + 0.5) / samples
    y, x = torch.meshgrid(y, x, indexing="ij")
    return x, y


def _floor_distance(rays: Tensor, height: float) -> Tensor:
    down = -rays[1]
    return torch.where(down > 1e-4, height / down.clamp(min=1e-4), torch.inf)


def _colour(setting: Setting, rays: Tensor, height: float) -> Tensor:
    slope = rays[1] / (rays[0] ** 2 + rays[2] ** 2).sqrt()
    side = torch.atan2(rays[0], rays[2])
    sky = _sky(setting, rays, slope)
    sky = _over_ridge(setting, sky, slope, side)
    return torch.where(slope < 0, _floor(setting, rays, height), sky)


def _sky(setting: Setting, rays: Tensor, slope: Tensor) -> Tensor:
    sky = _mix(setting.horizon, setting.zenith, (slope / 0.42).clamp(0, 1) ** 0.8)
    if setting.disc_size == 0:
        return sky
    towards = _unit(setting.disc, rays)
    angle = torch.acos((rays * towards).sum(dim=0).clamp(-1, 1))
    glow = 0.6 * torch.exp(-((angle / setting.disc_glow) ** 2))
    disc = ((setting.disc_size - angle) / 0.006 + 0.5).clamp(0, 1)
    return torch.lerp(sky, _column(setting.disc_colour, sky), torch.maximum(glow, disc))


def _over_ridge(setting: Setting, sky: Tensor, slope: Tensor, side: Tensor) -> Tensor:
    waves = setting.ridge_waves * side
    crest = 0.55 * torch.sin(waves + 0.7) + 0.45 * torch.sin(2.3 * waves + 2.1)
    crest = setting.ridge_height * (1 + setting.ridge_roughness * 0.5 * crest)
    shade = 0.80 + 0.35 * (slope / crest).clamp(0, 1)
    shade = shade * (1 + 0.16 * setting.ridge_roughness * torch.sin(3.1 * waves))
    ridge = _column(setting.ridge, sky) * shade
    return torch.where(slope < crest, ridge, sky)


def _floor(setting: Setting, rays: Tensor, height: float) -> Tensor:
    distance = height / (-rays[1]).clamp(min=1e-4)
    fade = torch.exp(-(distance - height) / _FLOOR_FADE)
    x, z = rays[0] * distance, rays[2] * distance
    patches = torch.sin(1.3 * x + 0.8 * torch.sin(0.9 * z)) * torch.sin(1.1 * z + 0.5 * x)
    patches = patches + 0.5 * torch.sin(2.9 * x - 1.7 * z) * torch.sin(2.3 * z)
    floor = _mix(setting.floor_far, setting.floor_near, fade)
    return floor * (1 + setting.floor_texture * patches * fade.sqrt())


def _mix(first: RGB, second: RGB, share: Tensor) -> Tensor:
    return torch.lerp(_column(first, share), _column(second, share), share)


def _column(values: RGB, like: Tensor) -> Tensor:
    return torch.tensor(values, device=like.device, dtype=like.dtype)[:, None, None]


def _unit(values: RGB, like: Tensor) -> Tensor:
    column = _column(values, like)
    return column / column.norm()
