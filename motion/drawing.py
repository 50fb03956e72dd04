"""Draw tracks as images: hints for a network that follows them, and a preview for people.

N tracks, F frames, H rows, W columns, M discs.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from ..media.fit import Size
from .tracks import Tracks

RADIUS_SHARE = 0.025
"""Default radius of a disc, as a share of the image's longer side."""

LEAST_RADIUS, LEAST_SHOWN = 6.0, 3.0
"""Smallest default radius in pixels, in hints and previews. At half the radius, noise in the tiny
VAE's latent hides a place up to three times as far: a disc hardly reaches beyond one position.
"""

_OF_GAP, _SMALLEST = 0.375, 0.5
"""Radius of a hint's disc beside others, as a share of the distance between their starting
positions, and its limit, as a share of the default radius. Discs that merge hide how they move: in
the tiny VAE's latent, those of a camera dollying in differ nine times less from still ones.
"""

_WAY, _FAINT = 0.3, 0.45
"""Radius and strength of the preview's path dots, relative to a disc's."""


class _Ink(NamedTuple):
    """Soft discs of an image: their total strength (H, W, 1), and their colours (H, W, 3) times
    their strengths.
    """

    strength: Tensor
    colour: Tensor


def colours_of(starts: Tensor, size: Size) -> Tensor:
    """Encode starting positions (N, 2) as colours (N, 3): red across, green down, blue the rest."""
    shares = (starts / torch.tensor([size.width, size.height])).clamp(0, 1)
    return torch.cat([shares, 1 - shares.mean(1, keepdim=True)], dim=1)


def hint(
    tracks: Tracks, size: Size, *, radius: float = 0.0, tail: int = 0, loop: bool = False
) -> Tensor:
    """Draw each track as a soft disc on black, in the colour of its starting position.

    Args:
        tracks: over an image of this size.
        size: of the image.
        radius: in pixels, where the discs fall to half strength; 0 chooses it by the size, and
            smaller where tracks begin close together.
        tail: number of frames for which a disc leaves a fading trail.
        loop: whether the last frame leads into the first, which then has a trail too.

    Returns:
        (F, H, W, 3) in [0, 1].
    """
    radii = torch.full((len(tracks),), radius) if radius else _radii(tracks.starts, size)
    drawn = torch.zeros(tracks.frames, *size, 3)
    for frame in range(tracks.frames):
        ago = torch.arange(min(tail, tracks.frames - 1 if loop else frame), -1, -1)
        shown = (frame - ago) % tracks.frames
        strength, colour = _discs(tracks, shown, size, radii, 1 - ago / (tail + 1))
        drawn[frame] = colour / strength.clamp(min=1)
    return drawn


def radius_for(size: Size, least: float = LEAST_RADIUS) -> float:
    """Default radius for an image size, in pixels."""
    return max(least, RADIUS_SHARE * max(size))


def _radii(starts: Tensor, size: Size) -> Tensor:
    """Radius of the disc of each track (N), so that discs stay apart."""
    most = radius_for(size)
    apart = torch.cdist(starts, starts).fill_diagonal_(math.inf)
    return (_OF_GAP * apart.amin(1)).clamp(_SMALLEST * most, most)


def _discs(
    tracks: Tracks, frames: Tensor, size: Size, radii: Tensor, fading: Tensor | float = 1.0
) -> _Ink:
    """Discs of all tracks, each of its radius (N), in some frames (f), scaled by a fading factor
    (f).
    """
    x, y = tracks.places[:, frames].flatten(0, 1).unbind(1)  # (M), M = N f
    strength = (tracks.visible[:, frames] * fading).flatten()
    wide = radii.repeat_interleave(len(frames))[:, None]  # (M, 1)
    colours = colours_of(tracks.starts, size).repeat_interleave(len(frames), 0)  # (M, 3)
    across, down = (
        torch.exp2(-(((torch.arange(side) + 0.5) - place[:, None]) / wide).square())
        for side, place in ((size.width, x), (size.height, y))
    )
    weights = torch.cat([torch.ones(len(x), 1), colours], dim=1) * strength[:, None]  # (M, 4)
    planes = [(down * each[:, None]).T @ across for each in weights.unbind(1)]
    whole = torch.stack(planes, dim=2)
    return _Ink(whole[..., :1], whole[..., 1:])


def preview(tracks: Tracks, pictures: Tensor, *, radius: float = 0.0) -> Tensor:
    """Draw tracks over images, with the whole path of each as a row of dots.

    Args:
        tracks: over images of this size.
        pictures: (F or fewer, H, W, 3); the last one repeats.
        radius: of the discs in pixels; 0 chooses it by the size.

    Returns:
        (F, H, W, 3) in [0, 1].
    """
    size = Size(*pictures.shape[1:3])
    radii = torch.full((len(tracks),), radius or radius_for(size, LEAST_SHOWN))
    way = _discs(tracks, torch.arange(tracks.frames), size, (radii * _WAY).clamp(min=0.7))
    shown = torch.zeros(tracks.frames, *size, 3)
    for frame in range(tracks.frames):
        picture = pictures[min(frame, len(pictures) - 1)]
        discs = _discs(tracks, torch.tensor([frame]), size, radii)
        shown[frame] = _over(_over(picture, way, _FAINT), discs, 1.0)
    return shown


def _over(picture: Tensor, ink: _Ink, most: float) -> Tensor:
    """Blend discs over an image (H, W, 3), at most at a given strength."""
    colour = ink.colour / ink.strength.clamp(min=1e-6)
    return torch.lerp(picture, colour, ink.strength.clamp(max=1) * most)
