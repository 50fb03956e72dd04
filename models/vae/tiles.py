"""Spatial tiles for decoders whose features of a whole frame do not fit into memory.

f latent frames, h latent rows, w latent columns; F, H and W those of the video.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise, product
from typing import NamedTuple

import torch
from torch import Tensor

CROP = 6
"""Latent positions at a tile's inner edges that are decoded and discarded."""

FEATHER = 4
"""Latent positions over which one tile blends into the next."""

OVERLAP = 2 * CROP + FEATHER
SMALLEST = 2 * OVERLAP
"""Smallest side of a tile in latent positions: below it, most of the work is done twice."""


class Place(NamedTuple):
    """Rows and columns of a latent that a tile covers."""

    rows: slice
    columns: slice

    def of(self, latent: Tensor) -> Tensor:
        """Cut this part out of a latent (B, C, f, h, w)."""
        return latent[..., self.rows, self.columns]


@dataclass(frozen=True)
class TileGrid:
    """Overlapping tiles of a latent, the same in every frame.

    The errors of convolutions at the edge of a tile lie in the part that is discarded; from there,
    one tile blends into the next linearly, with weights that sum to 1.

    Args:
        height, width: size of the latent.
        space: pixels per latent position on each side.
        side: side of a tile in latent positions; a smaller image is one tile.

    Raises:
        ValueError: the tiles are too small to overlap.
    """

    height: int
    width: int
    space: int
    side: int

    def __post_init__(self) -> None:
        if self.side < SMALLEST:
            raise ValueError(
                f"tiles of {self.side * self.space} pixels are too small to overlap: use "
                f"{SMALLEST * self.space} or more, or 0 for none"
            )

    @classmethod
    def over(cls, latent: Tensor, side: int, space: int) -> TileGrid:
        """Tiles of a latent (B, C, f, h, w) whose sides are about ``side`` pixels.

        A coarse latent, with 16 pixels per position, gets larger tiles if these could not overlap.
        """
        return cls(*latent.shape[-2:], space=space, side=max(SMALLEST, side // space))

    @cached_property
    def places(self) -> list[Place]:
        """Places of the tiles, row by row."""
        return [Place(*each) for each in product(_spans(self.height, self.side), self._columns)]

    @cached_property
    def _columns(self) -> list[slice]:
        return _spans(self.width, self.side)

    def blend(self, tiles: Iterable[Tensor]) -> Tensor:
        """Blend decoded tiles into whole frames.

        Args:
            tiles: (B, 3, F, H', W') of one stretch of time, in the order of ``places``; each is
                released before the next one is requested.

        Returns:
            Frames (B, 3, F, H, W) in float32.
        """
        heights, widths = self._weights(self.height), self._weights(self.width)
        whole = torch.empty(0)
        for place, weights, tile in zip(self.places, product(heights, widths), tiles, strict=True):
            if not whole.numel():
                sides = self.height * self.space, self.width * self.space
                whole = torch.zeros((*tile.shape[:3], *sides), device=tile.device)
            rows, columns = (weight.to(tile.device) for weight in weights)
            part = place_in_pixels(place, self.space).of(whole)
            part += tile * (rows[:, None] * columns)
            del tile, part
        return whole

    def _weights(self, length: int) -> list[Tensor]:
        """Weights of each tile along an axis at its pixels: the difference between two ramps."""
        spans = _spans(length, self.side)
        pixels = torch.arange(length * self.space) + 0.5
        wide = FEATHER * self.space
        middles = [
            (after.start + before.stop) / 2 * self.space for before, after in pairwise(spans)
        ]
        rises = [((pixels - middle) / wide + 0.5).clamp(0, 1) for middle in middles]
        rises = [torch.ones_like(pixels), *rises, torch.zeros_like(pixels)]
        return [
            (before - after)[span.start * self.space : span.stop * self.space]
            for (before, after), span in zip(pairwise(rises), spans, strict=True)
        ]


def place_in_pixels(place: Place, space: int) -> Place:
    """Rows and columns of the video that a tile decodes to."""
    return Place(*(slice(each.start * space, each.stop * space) for each in place))


def _spans(length: int, side: int) -> list[slice]:
    """Equal tiles along an axis, spread evenly with the least allowed overlap."""
    if length <= side:
        return [slice(0, length)]
    gaps = -(-(length - side) // (side - OVERLAP))
    starts = [round(number * (length - side) / gaps) for number in range(gaps + 1)]
    return [slice(start, start + side) for start in starts]
