"""Tracks as pictures: hints for a network that follows them, and a preview for people.

N tracks, F frames, H rows, W columns.
"""

import torch
from torch import Tensor

from ..media.fit import Size
from .tracks import Tracks

RADIUS_SHARE = 0.025
"""Radius of a disc, as a share of the picture's longer side, where none is asked for."""

_WAY, _FAINT = 0.3, 0.45
"""Of a preview's dots that show the whole way: their radius and strength beside a disc's."""


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
    colours = colours_of(tracks.starts, size)
    return torch.stack(
        [_drawn(tracks, f, size, colours, radius, tail) for f in range(tracks.frames)]
    )


def radius_for(size: Size) -> float:
    """The radius that goes with a size, in pixels."""
    return max(1.0, RADIUS_SHARE * max(size))


def _drawn(
    tracks: Tracks, frame: int, size: Size, colours: Tensor, radius: float, tail: int
) -> Tensor:
    layers = [
        _discs(tracks, each, size, radius) * (1 - (frame - each) / (tail + 1))
        for each in range(max(0, frame - tail), frame + 1)
    ]
    return _coloured(torch.stack(layers).amax(0), colours)


def _discs(tracks: Tracks, frame: int, size: Size, radius: float) -> Tensor:
    """Strengths (N, H, W) of soft discs."""
    x, y = tracks.places[:, frame].unbind(1)
    across, down = (
        torch.exp2(-(((torch.arange(side) + 0.5) - place[:, None]) / radius).square())
        for side, place in ((size.width, x), (size.height, y))
    )
    seen = tracks.visible[:, frame].float()
    return down[:, :, None] * across[:, None, :] * seen[:, None, None]


def _coloured(strength: Tensor, colours: Tensor) -> Tensor:
    """Strengths (N, H, W) in colours (N, 3): (H, W, 3); where discs meet, their mean."""
    drawn = torch.einsum("nhw,nc->hwc", strength, colours)
    return drawn / strength.sum(0).clamp(min=1)[..., None]


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
    colours = colours_of(tracks.starts, size)
    dots = [_discs(tracks, f, size, max(0.7, radius * _WAY)) for f in range(tracks.frames)]
    way = torch.stack(dots).amax(0) * _FAINT if len(dots) == 1 else _most(dots) * _FAINT
    frames = [
        torch.maximum(way, _discs(tracks, frame, size, radius)) for frame in range(tracks.frames)
    ]
    shown = [pictures[min(frame, len(pictures) - 1)] for frame in range(tracks.frames)]
    return torch.stack(
        [_over(picture, each, colours) for picture, each in zip(shown, frames, strict=True)]
    )


def _most(layers: list[Tensor]) -> Tensor:
    most = layers[0]
    for each in layers[1:]:
        most = torch.maximum(most, each)
    return most


def _over(picture: Tensor, strength: Tensor, colours: Tensor) -> Tensor:
    there = strength.amax(0)[..., None]
    inked = torch.einsum("nhw,nc->hwc", strength, colours)
    return torch.lerp(picture, inked / strength.sum(0).clamp(min=1e-6)[..., None], there)
