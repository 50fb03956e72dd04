"""Tracks as pictures: hints for a network that follows them, and a preview for people.

N tracks, F frames, H rows, W columns, M discs.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from ..media.fit import Size
from .tracks import Tracks

RADIUS_SHARE = 0.025
"""Radius of a disc, as a share of the picture's longer side, where none is asked for."""

LEAST_RADIUS = 3.0
"""In pixels: the tiny VAE keeps four fifths of such a disc's strength, and three of
one half as large."""

_WAY, _FAINT = 0.3, 0.45
"""Of a preview's dots that show the whole way: their radius and strength beside a disc's."""


class _Ink(NamedTuple):
    """Soft discs of a picture: how strong they are in all (H, W, 1), and their colours (H, W, 3)
    times that.
    """

    strength: Tensor
    colour: Tensor


def colours_of(starts: Tensor, size: Size) -> Tensor:
    """Colours (N, 3) that tell starting places (N, 2): red across, green down, blue the rest."""
    shares = (starts / torch.tensor([size.width, size.height])).clamp(0, 1)
    return torch.cat([shares, 1 - shares.mean(1, keepdim=True)], dim=1)


def hint(tracks: Tracks, size: Size, *, radius: float = 0.0, tail: int = 0) -> Tensor:
    """Each track as a soft disc on black, in the colour of its starting place.

    Args:
        tracks: over a picture of the size.
        size: of the picture.
        radius: of the discs in pixels, at which they have half of their strength; 0 for one that
            goes with the size.
        tail: frames for which a disc is still seen behind its point, ever fainter.

    Returns:
        (F, H, W, 3) in [0, 1].
    """
    radius = radius or radius_for(size)
    drawn = torch.zeros(tracks.frames, *size, 3)
    for frame in range(tracks.frames):
        shown = torch.arange(max(0, frame - tail), frame + 1)
        strength, colour = _discs(tracks, shown, size, radius, 1 - (frame - shown) / (tail + 1))
        drawn[frame] = colour / strength.clamp(min=1)
    return drawn


def radius_for(size: Size) -> float:
    """The radius that goes with a size, in pixels."""
    return max(LEAST_RADIUS, RADIUS_SHARE * max(size))


def _discs(
    tracks: Tracks, frames: Tensor, size: Size, radius: float, fading: Tensor | float = 1.0
) -> _Ink:
    """The discs of all tracks in some frames (f), which fade (f)."""
    x, y = tracks.places[:, frames].flatten(0, 1).unbind(1)  # (M), M = N f
    strength = (tracks.visible[:, frames] * fading).flatten()
    colours = colours_of(tracks.starts, size).repeat_interleave(len(frames), 0)  # (M, 3)
    across, down = (
        torch.exp2(-(((torch.arange(side) + 0.5) - place[:, None]) / radius).square())
        for side, place in ((size.width, x), (size.height, y))
    )
    weights = torch.cat([torch.ones(len(x), 1), colours], dim=1) * strength[:, None]  # (M, 4)
    planes = [(down * each[:, None]).T @ across for each in weights.unbind(1)]
    whole = torch.stack(planes, dim=2)
    return _Ink(whole[..., :1], whole[..., 1:])


def preview(tracks: Tracks, pictures: Tensor, *, radius: float = 0.0) -> Tensor:
    """Tracks over pictures, with the whole way of each as a row of dots.

    Args:
        tracks: over pictures of this size.
        pictures: (F or fewer, H, W, 3); the last one stays.
        radius: as of ``hint``.

    Returns:
        (F, H, W, 3) in [0, 1].
    """
    size = Size(*pictures.shape[1:3])
    radius = radius or radius_for(size)
    way = _discs(tracks, torch.arange(tracks.frames), size, max(0.7, radius * _WAY))
    shown = torch.zeros(tracks.frames, *size, 3)
    for frame in range(tracks.frames):
        picture = pictures[min(frame, len(pictures) - 1)]
        discs = _discs(tracks, torch.tensor([frame]), size, radius)
        shown[frame] = _over(_over(picture, way, _FAINT), discs, 1.0)
    return shown


def _over(picture: Tensor, ink: _Ink, most: float) -> Tensor:
    """A picture (H, W, 3) under discs of a strength."""
    colour = ink.colour / ink.strength.clamp(min=1e-6)
    return torch.lerp(picture, colour, ink.strength.clamp(max=1) * most)
