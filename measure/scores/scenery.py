"""Read the static part of a clip: its setting, its style and the background."""

from __future__ import annotations

import functools
from typing import NamedTuple

import torch
from einops import rearrange
from torch import Tensor
from torch.nn import functional

from ...toyworld.background import render_background
from ...toyworld.camera import STILL_CAMERA
from ...toyworld.scene import STYLES
from ...toyworld.settings import SETTINGS

_REACH = 0.30
_MOST_GAIN = 0.15
_MOST_FRAMES = 6


class Scenery(NamedTuple):
    """The scene behind the objects.

    Attributes:
        setting, style: names as in `toyworld.SETTINGS` and `toyworld.STYLES`.
        background: the empty image (H, W, 3), softened, with the brightness of the clip.
        shadow: the share of light that a shadow removes.
    """

    setting: str
    style: str
    background: Tensor
    shadow: float


def read_scenery(video: Tensor) -> Scenery:
    """Find the empty image that is closest to a softened clip (F, H, W, 3)."""
    backgrounds = _backgrounds(video.shape[1], video.shape[2], video.device)
    some = video[:: 1 + len(video) // _MOST_FRAMES]

    def distance(name: tuple[str, str]) -> float:
        return float((some - backgrounds[name]).abs().clamp(max=_REACH).mean())

    name = min(backgrounds, key=distance)
    background = backgrounds[name]
    gain = (some.mean(dim=0).sum(dim=-1) / background.sum(dim=-1).clamp(min=0.01)).median()
    background = background * gain.clamp(1 - _MOST_GAIN, 1 + _MOST_GAIN)
    return Scenery(*name, background, SETTINGS[name[0]].shadow)


def soften(video: Tensor) -> Tensor:
    """Average images (F, H, W, 3) over 3 x 3 pixels, so that grain matters less."""
    planes = smooth(rearrange(video, "f h w c -> (f c) h w"))
    return rearrange(planes, "(f c) h w -> f h w c", c=3)


def smooth(planes: Tensor) -> Tensor:
    """Average planes (N, H, W) over 3 x 3 pixels."""
    pooled = functional.avg_pool2d(planes[:, None], 3, stride=1, padding=1, count_include_pad=False)
    return pooled[:, 0]


@functools.lru_cache(maxsize=8)
def _backgrounds(height: int, width: int, device: torch.device) -> dict[tuple[str, str], Tensor]:
    """The softened empty image (H, W, 3) of every setting in every style."""
    names = [(setting, style) for setting in SETTINGS for style in STYLES]
    pictures = [
        render_background(
            setting, height=height, width=width, camera=STILL_CAMERA, style=style, device=device
        ).colour
        for setting, style in names
    ]
    return dict(zip(names, soften(torch.stack(pictures)), strict=True))
