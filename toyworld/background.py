"""The static part of an image: sky, far ridge and floor of a setting, and their distances."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from .camera import Camera, View
from .settings import RGB, SETTINGS, Setting

_SAMPLES = 3
_FLOOR_FADE = 9.0
_FLAT_SKY = 0.3
_FLAT_FLOOR = 0.6
_PATCH = 0.35
_PATCH_TONE = 0.95
_SEAM = 0.6


class Background(NamedTuple):
    """A rendered background.

    Colours (H, W, 3) in [0, 1]; distance along the ray (H, W), infinite in the sky; and the floor
    point x, z (2, H, W) under each pixel centre (0 in the sky).
    """

    colour: Tensor
    distance: Tensor
    floor: Tensor


def render_background(
    name: str,
    *,
    height: int,
    width: int,
    camera: Camera,
    style: str = "shaded",
    device: torch.device | str = "cpu",
) -> Background:
    """Render setting `name` without objects as `camera` sees it at time 0, antialiased 3 x 3."""
    view = camera.view(torch.zeros((), dtype=torch.float64))
    setting = SETTINGS[name]
    return render_view(setting, view, height=height, width=width, style=style, device=device)


def render_view(
    setting: Setting, view: View, *, height: int, width: int, style: str, device: torch.device | str
) -> Background:
    """Render a setting in a style for one moment () of a view, which must be on the CPU."""
    horizon = height / 2 - float(torch.tan(view.pitch) * view.focal_length(height, width))
    above = min(max(round(horizon * _SAMPLES), 0), height * _SAMPLES)
    view = view.to(device)
    fine = view.ray_directions(*_grid(height, width, _SAMPLES, device), height, width)
    paint = _PAINTS[style]
    sky = paint.sky(setting, fine[:, :above])
    floor = paint.floor(setting, fine[:, above:], view.eye)
    colour = _averaged(torch.cat((sky, floor), dim=1)).clamp(0, 1).permute(1, 2, 0).contiguous()
    rays = view.ray_directions(*_grid(height, width, 1, device), height, width)
    distance = _floor_distance(rays, view.eye[1])
    seen = distance.isfinite()
    point = _floor_point(rays, view.eye, torch.where(seen, distance, 0.0))
    return Background(colour, distance, torch.where(seen, point, 0.0))


def _grid(
    height: int, width: int, samples: int, device: torch.device | str
) -> tuple[Tensor, Tensor]:
    y = (torch.arange(height * samples, device=device, dtype=torch.float32) + 0.5) / samples
    x = (torch.arange(width * samples, device=device, dtype=torch.float32) + 0.5) / samples
    y, x = torch.meshgrid(y, x, indexing="ij")
    return x, y


def _averaged(fine: Tensor) -> Tensor:
    """Average the samples of each pixel: (3, H, W)."""
    steps = range(_SAMPLES)
    parts = (fine[:, y::_SAMPLES, x::_SAMPLES] for y in steps for x in steps)
    return sum(parts, fine.new_zeros(())) / _SAMPLES**2


def _floor_distance(rays: Tensor, height: Tensor) -> Tensor:
    down = -rays[1]
    return torch.where(down > 1e-4, height / down.clamp(min=1e-4), torch.inf)


def _floor_point(rays: Tensor, eye: Tensor, distance: Tensor) -> Tensor:
    return rays[::2] * distance + eye[::2, None, None]


def _shaded_sky(setting: Setting, rays: Tensor) -> Tensor:
    slope, side = _directions(rays)
    crest, folds = _crest(setting, side)
    shade = 0.80 + 0.35 * (slope / crest).clamp(0, 1)
    shade = shade * (1 + 0.16 * setting.ridge_roughness * folds)
    ridge = _column(setting.ridge, slope) * shade
    return torch.where(slope < crest, ridge, _open_sky(setting, rays, slope))


def _open_sky(setting: Setting, rays: Tensor, slope: Tensor) -> Tensor:
    sky = _mix(setting.horizon, setting.zenith, (slope / 0.42).clamp(0, 1) ** 0.8)
    if setting.disc_size == 0:
        return sky
    angle = _angle(setting, rays)
    glow = 0.6 * torch.exp(-((angle / setting.disc_glow) ** 2))
    disc = ((setting.disc_size - angle) / 0.006 + 0.5).clamp(0, 1)
    return torch.lerp(sky, _column(setting.disc_colour, sky), torch.maximum(glow, disc))


def _shaded_floor(setting: Setting, rays: Tensor, eye: Tensor) -> Tensor:
    patches, fade = _patches(rays, eye)
    floor = _mix(setting.floor_far, setting.floor_near, fade)
    return floor * (1 + setting.floor_texture * patches)


def _flat_sky(setting: Setting, rays: Tensor) -> Tensor:
    slope, side = _directions(rays)
    sky = torch.lerp(_column(setting.horizon, slope), _column(setting.zenith, slope), _FLAT_SKY)
    if setting.disc_size:
        inside = _angle(setting, rays) < setting.disc_size
        sky = torch.where(inside, _column(setting.disc_colour, sky), sky)
    crest, _ = _crest(setting, side)
    return torch.where(slope < crest, _column(setting.ridge, sky), sky)


def _flat_floor(setting: Setting, rays: Tensor, eye: Tensor) -> Tensor:
    patches, _ = _patches(rays, eye)
    far, near = _column(setting.floor_far, rays), _column(setting.floor_near, rays)
    floor = torch.lerp(far, near, _FLAT_FLOOR)
    return torch.where(patches > _PATCH, _PATCH_TONE * floor, floor)


class _Paint(NamedTuple):
    """How a style colours rays (3, ...) above and below the horizon."""

    sky: Callable[[Setting, Tensor], Tensor]
    floor: Callable[[Setting, Tensor, Tensor], Tensor]


_PAINTS = {
    "shaded": _Paint(_shaded_sky, _shaded_floor),
    "cartoon": _Paint(_flat_sky, _flat_floor),
}


def _directions(rays: Tensor) -> tuple[Tensor, Tensor]:
    """Return the slope of rays, and their angle to the right of +z."""
    return rays[1] / (rays[0] ** 2 + rays[2] ** 2).sqrt(), torch.atan2(rays[0], rays[2])


def _angle(setting: Setting, rays: Tensor) -> Tensor:
    """Return the angle in radians between each ray and the centre of the sun or moon."""
    x, y, z = _unit(setting.disc, rays)
    return torch.acos((rays[0] * x + rays[1] * y + rays[2] * z).clamp(-1, 1))


def _crest(setting: Setting, side: Tensor) -> tuple[Tensor, Tensor]:
    """Return the slope of the crest and its folds in [-1, 1]; it is level straight behind."""
    waves = setting.ridge_waves * side
    seam = ((torch.pi - side.abs()) / _SEAM).clamp(max=1)
    crest = seam * (0.55 * torch.sin(waves + 0.7) + 0.45 * torch.sin(2.3 * waves + 2.1))
    crest = setting.ridge_height * (1 + setting.ridge_roughness * 0.5 * crest)
    return crest, seam * torch.sin(3.1 * waves)


def _patches(rays: Tensor, eye: Tensor) -> tuple[Tensor, Tensor]:
    """Return the floor's soft patches and its nearness; both fade out with distance."""
    distance = eye[1] / (-rays[1]).clamp(min=1e-4)
    fade = torch.exp(-(distance - eye[1]) / _FLOOR_FADE)
    x, z = _floor_point(rays, eye, distance)
    patches = torch.sin(1.3 * x + 0.8 * torch.sin(0.9 * z)) * torch.sin(1.1 * z + 0.5 * x)
    patches = patches + 0.5 * torch.sin(2.9 * x - 1.7 * z) * torch.sin(2.3 * z)
    return patches * fade.sqrt(), fade


def _mix(first: RGB, second: RGB, share: Tensor) -> Tensor:
    return torch.lerp(_column(first, share), _column(second, share), share)


def _column(values: RGB, like: Tensor) -> Tensor:
    return torch.tensor(values, device=like.device, dtype=like.dtype)[:, None, None]


def _unit(values: RGB, like: Tensor) -> Tensor:
    column = _column(values, like)
    return column / column.norm()
