"""Procedural images unlike anything in the toy world: 1/f noise, dead leaves, text.

A VAE that also sees these keeps the statistics of photographs. B batch, F frames, H rows, W
columns.
"""

import math
import string

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor
from torch.nn import functional

CANVAS = 192
"""Side of a still image in pixels; clips are windows that wander over it."""

LEAVES = 160
_SMALLEST, _LARGEST = 3.0, 60.0
_KINDS = ("noise", "leaves", "leaves", "text")


def texture_pool(count: int, seed: int) -> Tensor:
    """Draw still images (count, 3, CANVAS, CANVAS) in [-1, 1]."""
    g = torch.Generator().manual_seed(seed)
    return torch.stack([_picture(_KINDS[number % len(_KINDS)], g) for number in range(count)])


def wandering_clips(
    pool: Tensor, batch: int, shape: tuple[int, int, int], g: torch.Generator
) -> Tensor:
    """Draw clips (B, 3, F, H, W) of windows that drift, zoom and rotate over images of a pool.

    A third of them stand still.
    """
    frames, height, width = shape
    chosen = pool[torch.randint(len(pool), (batch,), generator=g)]  # (B, 3, S, S)
    time = torch.linspace(-0.5, 0.5, frames) if frames > 1 else torch.zeros(1)
    moving = (torch.rand(batch, 1, generator=g) > 1 / 3).float()
    drift = _normal(g, batch, 2) * 0.02 * frames * moving  # of half the canvas, over the clip
    angle = _normal(g, batch, 1) * math.pi + time * moving * _normal(g, batch, 1) * 0.02 * frames
    zoom = torch.exp(0.3 * _normal(g, batch, 1) + time * moving * _normal(g, batch, 1) * 0.2)
    middle = (torch.rand(batch, 2, generator=g) - 0.5) * 0.8
    place = middle[:, None] + time[:, None] * drift[:, None]  # (B, F, 2)
    grids = _windows(place, angle, zoom, (height, width), pool.shape[-1])
    pictures = chosen.repeat_interleave(frames, dim=0)
    clips = functional.grid_sample(pictures, grids, padding_mode="reflection", align_corners=False)
    return clips.unflatten(0, (batch, frames)).transpose(1, 2).contiguous()


def _windows(
    place: Tensor, angle: Tensor, zoom: Tensor, size: tuple[int, int], side: int
) -> Tensor:
    """Sampling grids (B F, H, W, 2) for windows of H x W pixels of an image."""
    cos, sin = angle.cos() * zoom, angle.sin() * zoom
    rows = [torch.stack((cos, -sin, place[..., 0]), -1), torch.stack((sin, cos, place[..., 1]), -1)]
    turn = torch.stack(rows, dim=-2).flatten(0, 1)  # (B F, 2, 3)
    height, width = size
    y = (torch.arange(height) + 0.5 - height / 2) * 2 / side
    x = (torch.arange(width) + 0.5 - width / 2) * 2 / side
    points = torch.stack((*torch.meshgrid(x, y, indexing="xy"), torch.ones(height, width)), -1)
    return torch.einsum("nij,hwj->nhwi", turn, points)


def _picture(kind: str, g: torch.Generator) -> Tensor:
    if kind == "noise":
        return _noise(g, CANVAS)
    return _leaves(g) if kind == "leaves" else _text(g)


def _noise(g: torch.Generator, side: int) -> Tensor:
    """Draw colour noise (3, side, side) with amplitude 1 / f^a, a between 0.8 and 1.6."""
    steepness = 0.8 + 0.8 * torch.rand((), generator=g)
    wave = torch.fft.fftfreq(side)
    radius = (wave[:, None] ** 2 + torch.fft.rfftfreq(side)[None] ** 2).sqrt().clamp(min=1 / side)
    spectrum = torch.fft.rfft2(_normal(g, 3, side, side)) / radius**steepness
    noise = torch.fft.irfft2(spectrum, s=(side, side))
    noise = noise / noise.std()
    grey = torch.rand((), generator=g)
    noise = torch.lerp(noise, noise.mean(dim=0, keepdim=True), grey)
    return (0.45 * noise + _normal(g, 3, 1, 1) * 0.3).clamp(-1, 1)


def _leaves(g: torch.Generator) -> Tensor:
    """Draw dead leaves: overlapping, lightly textured discs and boxes of power-law sizes."""
    picture = _noise(g, CANVAS)
    grain = _noise(g, CANVAS) * 0.25
    axis = torch.arange(CANVAS) + 0.5
    for _ in range(LEAVES):
        draw = torch.rand(9, generator=g)
        size = (_SMALLEST**-1 + draw[0] * (_LARGEST**-1 - _SMALLEST**-1)) ** -1
        x, y = axis - draw[1] * CANVAS, axis[:, None] - draw[2] * CANVAS
        turn = draw[3] * math.pi
        along = (x * turn.cos() + y * turn.sin()) / (0.5 + draw[4])
        over = y * turn.cos() - x * turn.sin()
        box = draw[5] < 0.4
        reach = torch.maximum(along.abs(), over.abs()) if box else (along**2 + over**2).sqrt()
        inside = (size - reach + 0.5).clamp(0, 1)
        paint = (draw[6:9, None, None] * 2 - 1) + grain
        picture = torch.lerp(picture, paint, inside)
    return picture.clamp(-1, 1)


def _text(g: torch.Generator) -> Tensor:
    """Draw lines of random letters in several sizes on a soft background."""
    ground = ((_noise(g, CANVAS) * 0.3 + _normal(g, 3, 1, 1) * 0.5).clamp(-1, 1) + 1) * 127.5
    picture = Image.fromarray(ground.permute(1, 2, 0).byte().numpy())
    pen, top = ImageDraw.Draw(picture), 0.0
    while top < CANVAS:
        size = int(torch.randint(8, 36, (), generator=g))
        letters = torch.randint(len(string.ascii_letters), (40,), generator=g).tolist()
        line = "".join(string.ascii_letters[letter] for letter in letters)
        colour = tuple(torch.randint(256, (3,), generator=g).tolist())
        pen.text((-5, top), line, fill=colour, font=ImageFont.load_default(size=size))
        top += size * 1.2
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1).float() / 127.5 - 1


def _normal(g: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(shape, generator=g)
