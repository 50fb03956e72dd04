"""Spatial tiles for the video VAE: large frames in parts, with blended overlaps.

Every tile is a small clip of its own and streams with its own cache. A tile's result differs from
the whole frame's near its cut edges, where convolutions miss their surroundings, and slightly
everywhere, because attention sees one tile only; so the outermost part of each overlap is thrown
away and the rest is blended.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

import torch
from torch import Tensor

from .network import Cache, VideoVAE, check_video

Caches = tuple[Cache, ...]
"""One cache per tile, in reading order."""


@dataclass(frozen=True, kw_only=True)
class Tiling:
    """Sizes of tiles, in latent pixels.

    Raises:
        ValueError: tiles of this size cannot overlap so much.
    """

    size: int = 32
    """greatest side of a tile"""
    overlap: int = 8
    """least number of pixels that neighbours share"""

    def __post_init__(self) -> None:
        if not 0 < self.overlap < self.size:
            raise ValueError(
                f"tiles of {self.size} latent pixels cannot overlap by {self.overlap}: "
                f"use an overlap from 1 to {self.size - 1}"
            )


class Span(NamedTuple):
    """Pixels [start, stop) of one axis."""

    start: int
    stop: int

    def scaled(self, factor: int) -> slice:
        """Give the same pixels at a finer resolution."""
        return slice(self.start * factor, self.stop * factor)


def plan_spans(length: int, tiling: Tiling) -> list[Span]:
    """Cover an axis by the fewest spans of `tiling.size` with at least `tiling.overlap` shared."""
    if length <= tiling.size:
        return [Span(0, length)]
    steps = -(-(length - tiling.size) // (tiling.size - tiling.overlap))
    starts = [i * (length - tiling.size) // steps for i in range(steps + 1)]
    return [Span(start, start + tiling.size) for start in starts]


def span_weights(spans: Sequence[Span], overlap: int, scale: int) -> list[Tensor]:
    """Give each span's weights ((stop - start) scale,); over all spans they sum to 1 everywhere.

    The outer quarter of an overlap weighs nothing; then the weight rises linearly.

    Args:
        scale: pixels of the result per pixel of the spans.
    """
    length = spans[-1].stop
    positions = (torch.arange(length * scale, dtype=torch.float64) + 0.5) / scale
    total = torch.zeros_like(positions)
    ramps: list[Tensor] = []
    for span in spans:
        inside = positions[span.scaled(scale)]
        edges = [inside - span.start] * (span.start > 0) + [span.stop - inside] * (
            span.stop < length
        )
        ramp = torch.ones_like(inside)
        for distance in edges:
            ramp = ramp.minimum((2 * distance / overlap - 0.5).clamp(0, 1))
        total[span.scaled(scale)] += ramp
        ramps.append(ramp)
    return [
        (ramp / total[span.scaled(scale)]).float() for ramp, span in zip(ramps, spans, strict=True)
    ]


def decode_chunk_tiled(
    vae: VideoVAE, latent: Tensor, caches: Caches | None, tiling: Tiling
) -> tuple[Tensor, Caches]:
    """Decode the next latent frames of a stream as `VideoVAE.decode_chunk` does, tile by tile.

    Args:
        latent: (B, z, f, h, w).
        caches: what the call before gave; None begins a clip.
    """
    grid = [plan_spans(side, tiling) for side in latent.shape[-2:]]
    scales = (1, vae.space_factor)
    return _blend(vae.decode_chunk, latent, caches, grid, scales, tiling.overlap)


def encode_chunk_tiled(
    vae: VideoVAE, video: Tensor, caches: Caches | None, tiling: Tiling
) -> tuple[Tensor, Caches]:
    """Encode the next frames of a stream as `VideoVAE.encode_chunk` does, tile by tile.

    Args:
        video: (B, 3, F, H, W).
        caches: what the call before gave; None begins a clip.

    Raises:
        ValueError: the frame count or the size does not fit the VAE.
    """
    check_video(video, time=vae.time_factor, space=vae.space_factor, first=caches is None)
    grid = [plan_spans(side // vae.space_factor, tiling) for side in video.shape[-2:]]
    scales = (vae.space_factor, 1)
    return _blend(vae.encode_chunk, video, caches, grid, scales, tiling.overlap)


def decode_tiled(vae: VideoVAE, latent: Tensor, tiling: Tiling) -> Tensor:
    """Decode a whole latent (B, z, f, h, w) tile by tile."""
    return decode_chunk_tiled(vae, latent, None, tiling)[0]


def encode_tiled(vae: VideoVAE, video: Tensor, tiling: Tiling) -> Tensor:
    """Give the posterior mean of a whole video (B, 3, F, H, W), tile by tile."""
    return encode_chunk_tiled(vae, video, None, tiling)[0]


def _blend(
    step: Callable[[Tensor, Cache | None], tuple[Tensor, Cache]],
    x: Tensor,
    caches: Caches | None,
    grid: list[list[Span]],
    scales: tuple[int, int],
    overlap: int,
) -> tuple[Tensor, Caches]:
    """Run `step` on every tile of x and add up the weighted results.

    Args:
        grid: spans of rows and of columns, in latent pixels.
        scales: pixels per latent pixel of x and of the result.
    """
    scale_in, scale_out = scales
    rows, columns = (
        list(zip(spans, span_weights(spans, overlap, scale_out), strict=True)) for spans in grid
    )
    tiles = list(product(rows, columns))
    past = caches or (None,) * len(tiles)
    if len(past) != len(tiles):
        raise ValueError(
            f"the stream began with {len(past)} tiles and now has {len(tiles)}: "
            "keep frame size and tiling for a whole clip"
        )
    result: Tensor | None = None
    kept: list[Cache] = []
    for ((row, row_weight), (column, column_weight)), cache in zip(tiles, past, strict=True):
        part, cache = step(x[..., row.scaled(scale_in), column.scaled(scale_in)], cache)
        kept.append(cache)
        if result is None:
            size = (grid[0][-1].stop * scale_out, grid[1][-1].stop * scale_out)
            result = part.new_zeros(*part.shape[:3], *size)
        weight = torch.outer(row_weight, column_weight).to(part)
        result[..., row.scaled(scale_out), column.scaled(scale_out)] += part * weight
    assert result is not None
    return result, tuple(kept)
