"""Icon and banner of the pack: a toy-world frame that emerges from noise, patch by patch."""

from dataclasses import replace
from pathlib import Path

import torch
from einops import rearrange, reduce
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from torch import Tensor

from ..toyworld import Scene, SceneObject, render

ICON_SIZE = (400, 400)
"""Rows and columns; the registry allows 400 by 800."""

BANNER_SIZE = (900, 2100)
"""Rows and columns, 21 to 9 as the registry shows it."""

SPHERE = SceneObject(shape="sphere", colour="red", size=1.5, x=0.15, z=4.6)
CLOSE = replace(SPHERE, size=2.1, x=0.25)
CUBE = SceneObject(shape="cube", colour="blue", size=1.1, x=1.9, z=6.2, yaw=0.5)
CONE = SceneObject(shape="cone", colour="yellow", size=1.2, x=3.3, z=5.4)


def icon() -> Image.Image:
    """Draw a sphere at sunset whose left side is still noise."""
    picture = _denoised(_frame((CLOSE,), ICON_SIZE), patch=40, middle=0.3, seed=4)
    return _image(picture)


def banner() -> Image.Image:
    """Draw three solids at sunset, noise on the left, and the pack's name."""
    picture = _denoised(_frame((SPHERE, CUBE, CONE), BANNER_SIZE), patch=50, middle=0.3, seed=1)
    image = _image(picture)
    font = ImageFont.load_default(size=210)
    words = Image.new("L", image.size)
    ImageDraw.Draw(words).text((104, 84), "Spacetime", font=font, fill=255)
    shade = words.filter(ImageFilter.GaussianBlur(26)).point(
        [min(255, 2 * value) for value in range(256)]
    )
    image.paste((24, 12, 32), mask=shade)
    image.paste((255, 255, 255), mask=words)
    return image


def write(folder: Path) -> list[Path]:
    """Write icon and banner, and return their paths."""
    paths = [folder / "icon.png", folder / "banner.jpg"]
    icon().save(paths[0], optimize=True)
    banner().save(paths[1], quality=85, optimize=True)
    return paths


def _frame(objects: tuple[SceneObject, ...], size: tuple[int, int]) -> Tensor:
    """Render one image (H, W, 3) of a scene, at twice the size so that edges are smooth."""
    height, width = size
    clip = render(
        [Scene(objects=objects, setting="at sunset")], frames=1, height=2 * height, width=2 * width
    )
    return reduce(clip.video[0, 0], "(h y) (w x) c -> h w c", "mean", y=2, x=2)


def _denoised(picture: Tensor, *, patch: int, middle: float, seed: int) -> Tensor:
    """Mix every patch with noise: only noise far left, none beyond twice the middle."""
    generator = torch.Generator().manual_seed(seed)
    height, width, _ = picture.shape
    rows, columns = height // patch, width // patch
    place = (torch.arange(columns) + 0.5) / columns
    jitter = torch.randn(rows, columns, generator=generator)
    level = torch.sigmoid((middle - place + 0.06 * jitter) * 14)  # (rows, columns)
    colours = torch.rand(rows, columns, 4, 4, 3, generator=generator)
    noise = 0.1 + 0.8 * (0.65 * colours + 0.35 * colours.mean(dim=-1, keepdim=True))
    fine = rearrange(noise, "r c y x k -> 1 k (r y) (c x)")
    fine = torch.nn.functional.interpolate(fine, size=(height, width), mode="nearest")[0]
    weight = torch.nn.functional.interpolate(level[None, None], size=(height, width))[
        0, 0, ..., None
    ]
    return picture * (1 - weight) + rearrange(fine, "k h w -> h w k") * weight


def _image(picture: Tensor) -> Image.Image:
    return Image.fromarray((picture.clamp(0, 1) * 255).round().byte().numpy())
