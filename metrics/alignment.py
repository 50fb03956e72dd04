"""Read from pixels what a toy-world clip shows: its setting, its object's colour and motion.

The settings' backgrounds are known, so the setting is the one whose empty picture is closest, the
object is what neither that picture nor a shadow on it explains, and its colour is the one whose
shades under that setting's light explain the object's pixels best.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import NamedTuple

import torch
from einops import rearrange
from torch import Tensor
from torch.nn import functional

from ..toyworld.background import render_background
from ..toyworld.camera import STILL_CAMERA
from ..toyworld.scene import COLOURS
from ..toyworld.settings import SETTINGS
from ..toyworld.shading import light_of, paint_of, shade
from .motion import FEWEST_FRAMES, Path, read_motion

_SETTING_REACH = 0.30
_MOST_GAIN = 0.15

_LEAST_DIFFERENCE = 0.05
_PLAIN_DIFFERENCE = 0.10
_SMALLEST_SHARE = 0.006
_MOST_PIXELS = 3000
_COLOUR_REACH = 0.30
_WHOLE_WEIGHT = 0.2


@dataclass(frozen=True)
class Reading:
    """Say what a clip shows.

    Args:
        colour: one of `toyworld.COLOURS`, None if no object was found.
        setting: one of `toyworld.SETTINGS`.
        motion: one of `toyworld.MOTIONS`, None if there is no object or too few frames to tell.
        present: whether an object was found in most frames.
    """

    colour: str | None
    setting: str
    motion: str | None
    present: bool


class _Found(NamedTuple):
    """The object's soft mask (F, H, W) in [0, 1] and whether it is seen in each frame (F,)."""

    mask: Tensor
    seen: Tensor


def read_clip(video: Tensor) -> Reading:
    """Read a clip (F, H, W, 3) of display colours in [0, 1].

    Raises:
        ValueError: the tensor does not have that shape.
    """
    if video.ndim != 4 or video.shape[-1] != 3 or 0 in video.shape:
        raise ValueError(f"a clip of shape {tuple(video.shape)} cannot be read: give (F, H, W, 3)")
    video = _soft(video.float().clamp(0, 1))
    setting, background = _read_setting(video)
    found = _find_object(video, background, SETTINGS[setting].shadow)
    if found.seen.float().mean() < 0.5:
        return Reading(None, setting, None, False)
    colour = _read_colour(video[found.seen], found.mask[found.seen], setting)
    motion = _read_motion(video, found) if len(video) >= FEWEST_FRAMES else None
    return Reading(colour, setting, motion, True)


def read_frame(frame: Tensor) -> Reading:
    """Read one picture (H, W, 3); its motion is None."""
    return read_clip(frame[None])


def _read_setting(video: Tensor) -> tuple[str, Tensor]:
    """The setting and its background (H, W, 3), as bright as the clip shows it."""
    backgrounds = _backgrounds(video.shape[1], video.shape[2], video.device)

    def distance(name: str) -> float:
        return float((video - backgrounds[name]).abs().clamp(max=_SETTING_REACH).mean())

    name = min(backgrounds, key=distance)
    background = backgrounds[name]
    gain = (video.mean(dim=0).sum(dim=-1) / background.sum(dim=-1).clamp(min=0.01)).median()
    return name, background * gain.clamp(1 - _MOST_GAIN, 1 + _MOST_GAIN)


@functools.lru_cache(maxsize=8)
def _backgrounds(height: int, width: int, device: torch.device) -> dict[str, Tensor]:
    """The softened empty picture (H, W, 3) of every setting."""
    pictures = [
        render_background(name, height=height, width=width, camera=STILL_CAMERA, device=device)
        for name in SETTINGS
    ]
    soft = _soft(torch.stack([picture.colour for picture in pictures]))
    return dict(zip(SETTINGS, soft, strict=True))


def _find_object(video: Tensor, background: Tensor, shadow: float) -> _Found:
    """Find what no shadow explains or, where that is nothing, whatever is not the background."""
    found = _find(video, background, 1 - shadow, _LEAST_DIFFERENCE)
    if found.seen.float().mean() >= 0.5:
        return found
    return _find(video, background, 1.0, _PLAIN_DIFFERENCE)


def _find(video: Tensor, background: Tensor, darkest: float, least: float) -> _Found:
    """Find what differs from the background, darkened down to `darkest` of itself, by `least`."""
    squares = (background * background).sum(dim=-1).clamp(min=1e-4)
    shadow = (video * background).sum(dim=-1) / squares
    explained = background * shadow.clamp(darkest, 1.0)[..., None]
    difference = (video - explained).norm(dim=-1)
    threshold = least + 0.5 * _contrast(background)
    score = (difference / threshold - 0.5).clamp(0, 1)
    mask = _largest(score * (_smooth(score) > 0.5))
    area = mask.sum(dim=(1, 2))
    return _Found(mask, area >= _SMALLEST_SHARE * min(video.shape[1:3]) ** 2)


def _contrast(picture: Tensor) -> Tensor:
    """How much a picture (H, W, 3) varies around each pixel (H, W): blurring moves it so far."""
    planes = rearrange(picture, "h w c -> 1 c h w")
    highest = functional.max_pool2d(planes, 3, stride=1, padding=1)
    lowest = -functional.max_pool2d(-planes, 3, stride=1, padding=1)
    return (highest - lowest).norm(dim=1)[0]


def _soft(video: Tensor) -> Tensor:
    """Average pictures (F, H, W, 3) over 3 x 3 pixels, so that grain matters less."""
    planes = _smooth(rearrange(video, "f h w c -> (f c) h w"))
    return rearrange(planes, "(f c) h w -> f h w c", c=3)


def _smooth(planes: Tensor) -> Tensor:
    """Average planes (N, H, W) over 3 x 3 pixels."""
    pooled = functional.avg_pool2d(planes[:, None], 3, stride=1, padding=1, count_include_pad=False)
    return pooled[:, 0]


def _largest(mask: Tensor) -> Tensor:
    """Keep of each mask (F, H, W) the connected part around its densest spot."""
    width = 1 + 2 * (min(mask.shape[1:]) // 16)
    dense = functional.avg_pool2d(mask[:, None], width, stride=1, padding=width // 2)[:, 0]
    dense = dense * (mask > 0)
    part = ((dense == dense.amax(dim=(1, 2), keepdim=True)) & (mask > 0)).float()
    for _ in range(sum(mask.shape[1:])):
        grown = functional.max_pool2d(part[:, None], 3, stride=1, padding=1)[:, 0] * (mask > 0)
        if torch.equal(grown, part):
            break
        part = grown
    return mask * part


def _read_colour(video: Tensor, mask: Tensor, setting: str) -> str:
    inner = -functional.max_pool2d(-mask[:, None], 3, stride=1, padding=1)[:, 0]
    chosen = inner > 0.5 if (inner > 0.5).sum() >= 0.2 * (mask > 0.5).sum() else mask > 0.5
    pixels = video[chosen]
    pixels = pixels[:: 1 + len(pixels) // _MOST_PIXELS]
    shades = _shades(setting, video.device)
    distance = torch.cdist(pixels, rearrange(shades, "n k xyz -> (n k) xyz"))
    distance = rearrange(distance, "p (n k) -> p n k", n=len(shades)).amin(dim=-1)
    apart = distance.clamp(max=_COLOUR_REACH).mean(dim=0)
    whole = (pixels.mean(dim=0) - shades.mean(dim=1)).norm(dim=-1)
    return tuple(COLOURS)[int((apart + _WHOLE_WEIGHT * whole).argmin())]


def _shades(setting: str, device: torch.device) -> Tensor:
    """What surfaces of each colour look like, turned any way that the camera can see (8, K, 3)."""
    angles = torch.linspace(-55.0, 55.0, 5, device=device).deg2rad()
    side, up = (grid.flatten() for grid in torch.meshgrid(angles, angles, indexing="ij"))
    normal = torch.stack((side.sin() * up.cos(), up.sin(), -side.cos() * up.cos()))
    ray = torch.tensor((0.0, -0.2, 0.98), device=device)[:, None]
    light = light_of([SETTINGS[setting]], device)
    lights = (light.direction.T, light.colour.T, light.ambient.T)
    paints = [paint for name in COLOURS for paint in paint_of(name)]
    height = torch.full_like(side, 0.5)
    shades = [shade(paint.to(device)[:, None], normal, ray, height, lights) for paint in paints]
    return rearrange(shades, "(n tone) xyz k -> n (tone k) xyz", tone=2)


def _read_motion(video: Tensor, found: _Found) -> str:
    height, width = video.shape[1:3]
    mask = found.mask[found.seen]
    area = mask.sum(dim=(1, 2))
    columns = torch.arange(width, device=mask.device) + 0.5
    rows = torch.arange(height, device=mask.device) + 0.5
    x = (mask * columns).sum(dim=(1, 2)) / area
    y = (mask * rows[:, None]).sum(dim=(1, 2)) / area
    spread = (mask * (rows[:, None] - y[:, None, None]) ** 2).sum(dim=(1, 2)) / area
    size = spread.sqrt()
    path = Path(found.seen.nonzero()[:, 0].float(), x, y, size, _change(video, found))
    return read_motion(path, height, width)


def _change(video: Tensor, found: _Found) -> float:
    """How much the part of the object that is always seen changes, beyond what the rest does."""
    video, mask = video[found.seen], found.mask[found.seen]
    always, never = (mask > 0.9).all(dim=0), (mask == 0).all(dim=0)
    if not always.any() or not never.any():
        return 0.0
    variance = video.var(dim=0, unbiased=False)
    return float((variance[always].mean() - variance[never].median()).clamp(min=0).sqrt())
