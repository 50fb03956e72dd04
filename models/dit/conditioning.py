"""Noise level, second time, guidance, fps, size, duration and loop flag -> modulation vectors.

B batch, L tokens, D width, U distinct conditionings.
"""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..layers import LayerMaker
from ..patchify import TokenLayout
from ..precision import float64_place
from ..shapes import WAN_COMPRESSION, Compression, LatentShape

TIME_SCALE = 1000.0

CONDITION_SCALES: Mapping[str, float] = {
    "r": TIME_SCALE,
    "guidance": 50.0,
    "fps": 10.0,
    "height": 1.0,
    "width": 1.0,
    "duration": 100.0,
    "loop": 1000.0,
}
"""Optional inputs of the network, each with its scale before the sinusoids.

``r`` is the second noise level of a flow map (as ``sigma`` in shape and unit), ``guidance``
the CFG scale, ``fps`` frames per second, ``height`` and ``width`` latent rows and columns,
``duration`` seconds, ``loop`` 1 for a clip with circular time.
"""


@dataclass(frozen=True)
class DistinctConditions:
    """Distinct conditionings: token l of row b uses number ``index[b, l]``.

    Args:
        sigma: (U,) noise levels in [0, 1].
        extras: name -> (U,) values of the optional inputs in use.
        index: (B, L), or (B, 1) where each row has only one.
    """

    sigma: Tensor
    extras: dict[str, Tensor]
    index: Tensor


def gather_levels(
    sigma: Tensor, layout: TokenLayout, extras: Mapping[str, Tensor], rows: int
) -> DistinctConditions:
    """Collect the distinct conditionings of a packed batch.

    Args:
        sigma: (B,), (B, L), or (B, F, 1), a level for each frame of a single clip.
        layout: places of the L tokens.
        extras: optional inputs, each (B,), per clip (B, clips) or (for ``r``) per token (B, L).
        rows: rows of the batch, a multiple of B; the conditionings are repeated to match.

    Raises:
        ValueError: an input has another shape.
    """
    given = {"sigma": sigma, **extras}
    columns = [_column(name, value, sigma, layout) for name, value in given.items()]
    width = max(column.shape[1] for column in columns)
    if width == len(layout.coordinates):
        columns = [_per_token(column, layout) for column in columns]
    table = torch.stack([column.expand(-1, width) for column in columns])  # (1 + extras, B, width)
    if all(value.ndim == 1 for value in given.values()):
        values, index = table[:, :, 0], torch.arange(len(sigma), device=sigma.device)[:, None]
    else:
        values, numbers = _distinct(table.flatten(1))
        index = _per_token(numbers.unflatten(0, (len(sigma), width)), layout)
    index = index.repeat(rows // len(sigma), 1)
    return DistinctConditions(values[0], dict(zip(extras, values[1:], strict=True)), index)


def _distinct(columns: Tensor) -> tuple[Tensor, Tensor]:
    """Find the distinct columns (N, U) of (N, L), sorted, and the index of each column (L,).

    Equivalent to torch.unique over a dimension, which takes a thousand times as long on a CPU. In a
    compiled graph, where shapes cannot depend on values, every column counts as distinct.
    """
    if torch.compiler.is_compiling():
        return columns, torch.arange(columns.shape[1], device=columns.device)
    code = columns.new_zeros(columns.shape[1], dtype=torch.long)
    for row in columns:
        values, number = torch.unique(row, return_inverse=True)
        _, code = torch.unique(code * len(values) + number, return_inverse=True)
    last = code.new_zeros(int(code.max()) + 1)
    last[code] = torch.arange(len(code), device=code.device)
    return columns[:, last], code


def _column(name: str, value: Tensor, sigma: Tensor, layout: TokenLayout) -> Tensor:
    """An input as (B, 1), (B, clips), (B, F) or (B, L)."""
    value = value.to(sigma.device, torch.float32)
    batch, tokens, clips = len(sigma), len(layout.coordinates), len(layout.lengths)
    if value.shape == (batch,):
        return value[:, None]
    if value.shape in ((batch, tokens), (batch, clips)):
        return value
    if value.ndim == 3 and clips == 1 and tokens % value.shape[1] == 0:
        return value[:, :, 0]
    raise ValueError(
        f"{name} has shape {tuple(value.shape)}: use ({batch},) for a value per row, "
        f"({batch}, {clips}) per clip or ({batch}, {tokens}) per token"
    )


def _per_token(columns: Tensor, layout: TokenLayout) -> Tensor:
    """Spread values (B, clips), or (B, F) of one clip, over tokens (B, L); keep other shapes."""
    count, tokens = columns.shape[1], len(layout.coordinates)
    if count in (1, tokens):
        return columns
    if len(layout.lengths) == 1:
        return columns.repeat_interleave(tokens // count, dim=1)
    return columns[:, layout.clip_ids.to(columns.device)]


def frame_levels(levels: Tensor) -> Tensor:
    """Reduce levels (B, F, H, W) to (B, F, 1, 1) if they are equal within each frame.

    Other levels are returned as they are.
    """
    if levels.ndim != 4:
        return levels
    first = levels[:, :, :1, :1]
    return first if torch.equal(levels, first.expand_as(levels)) else levels


def clip_conditions(
    names: Collection[str],
    shape: LatentShape,
    *,
    fps: float | None,
    loop: bool = False,
    compression: Compression = WAN_COMPRESSION,
) -> dict[str, float]:
    """Values of a clip's size, length, frame rate and loop flag for the inputs ``names``.

    Without a frame rate, ``fps`` and ``duration`` are omitted. The loop flag is always set.
    """
    values: dict[str, float] = {"height": shape.height, "width": shape.width, "loop": float(loop)}
    if fps is not None:
        frames = compression.video_shape(shape, loop=loop).frames
        values |= {"fps": fps, "duration": frames / fps}
    return {name: value for name, value in values.items() if name in names}


def sinusoid(values: Tensor, dim: int) -> Tensor:
    """Sinusoidal embedding (U,) -> (U, dim), computed in float64.

    Cosines come first; the frequencies are 10000^(-i / (dim / 2)).
    """
    half = dim // 2
    place = float64_place(values.device)
    steps = torch.arange(half, dtype=torch.float64, device=place)
    frequencies = torch.exp(-math.log(10000.0) * steps / half)
    angles = values.to(place).to(torch.float64)[:, None] * frequencies
    return torch.cat((angles.cos(), angles.sin()), dim=1).float().to(values.device)


def condition_embedding(freq_dim: int, dim: int, make: LayerMaker) -> nn.Sequential:
    """Make the two-layer embedding for the sinusoids of a noise level or an optional input."""
    return nn.Sequential(make.linear(freq_dim, dim), nn.SiLU(), make.linear(dim, dim))
