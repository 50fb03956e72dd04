"""Rotary position embedding over (frame, row, column), with optional circular time.

B batch, N heads, L tokens, K head dim.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

Rotations = tuple[Tensor, Tensor]
"""Cosines and sines, each (L, K / 2) float32."""


@dataclass(frozen=True, kw_only=True)
class RopeConfig:
    """Split of the head dim over the axes: rows and columns get ``2 * (K // 6)`` each."""

    head_dim: int
    theta: float = 10000.0
    temporal_theta: float = 10000.0

    def frequencies(self) -> tuple[Tensor, Tensor, Tensor]:
        """Angular frequencies of the time, row and column axes in float64."""
        space = 2 * (self.head_dim // 6)
        time = self.head_dim - 2 * space
        return (
            _frequencies(time, self.temporal_theta),
            _frequencies(space, self.theta),
            _frequencies(space, self.theta),
        )


def _frequencies(dim: int, theta: float) -> Tensor:
    return theta ** -(torch.arange(0, dim, 2, dtype=torch.float64) / dim)


def close_circle(frequencies: Tensor, period: int) -> Tensor:
    """Round every frequency to a whole number of turns in ``period`` frames, at least one.

    Attention then depends on the frame difference modulo the period, which makes the network
    equivariant to rolling the clip in time.
    """
    turn = 2 * math.pi / period
    return torch.clamp((frequencies / turn).round(), min=1) * turn


def rotations(coordinates: Tensor, config: RopeConfig, *, period: int = 0) -> Rotations:
    """Cosines and sines of token positions, computed in float64 on the positions' device.

    Args:
        coordinates: (L, 3) frame, row and column of each token; fractions are allowed.
        config: frequencies of the axes.
        period: latent frames of a closed loop, 0 for open time.
    """
    time, row, column = config.frequencies()
    if period:
        time = close_circle(time, period)
    position = coordinates.double()
    each = [f.to(position.device) for f in (time, row, column)]
    angles = torch.cat([torch.outer(position[:, axis], f) for axis, f in enumerate(each)], dim=1)
    return angles.cos().float(), angles.sin().float()


def rotate(x: Tensor, table: Rotations) -> Tensor:
    """Rotate neighbouring pairs of (B, N, L, K) by the angles of each token, in float32."""
    cos, sin = table
    pairs = x.float().unflatten(-1, (-1, 2))  # (B, N, L, K/2, 2)
    if x.device.type == "cpu" and not torch.compiler.is_compiling():
        # the same products, several times faster than strided halves, which compilers can fuse
        turned = torch.view_as_real(torch.view_as_complex(pairs) * torch.complex(cos, sin))
    else:
        even, odd = pairs.unbind(-1)  # (B, N, L, K/2) each
        turned = torch.stack((even * cos - odd * sin, even * sin + odd * cos), dim=-1)
    return turned.flatten(-2).to(x.dtype)  # (B, N, L, K)
