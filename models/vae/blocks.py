"""Blocks of the causal video VAE that keep size and frame count: norm, convolution, attention."""

from __future__ import annotations

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional

from ..layers import LayerMaker
from .stream import Tape, over_frames, prepend_past

REACH = 2
"""Frames before its own that a causal convolution sees."""

AROUND = (1 + REACH, 3, 3)
"""Kernel (frames, rows, columns) of convolutions in space and time."""

POINT = (1, 1, 1)
"""Kernel of convolutions that only mix channels."""


class RMSNorm(nn.Module):
    """Root mean square norm over the channels of x (B, C, ...), in float32 or better.

    Args:
        channels: C.
        axes: number of axes after C; the published weights have a 1 for each.
    """

    def __init__(self, channels: int, axes: int, make: LayerMaker) -> None:
        super().__init__()
        self.scale = channels**0.5
        self.gamma = make.parameter(channels, *[1] * axes)

    def forward(self, x: Tensor) -> Tensor:
        precise = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x  # (B, C, ...)
        unit = functional.normalize(precise, dim=1).to(x.dtype)  # (B, C, ...)
        return unit * self.scale * self.gamma.to(x)  # (B, C, ...)


def causal_conv(conv: nn.Module, x: Tensor, tape: Tape | None) -> Tensor:
    """Convolve x (B, C, F, H, W) with a kernel of `AROUND`, which sees no later frame."""
    return over_frames(conv, prepend_past(x, REACH, tape), window=1 + REACH)


def activate(norm: nn.Module, x: Tensor) -> Tensor:
    """Normalise x (B, C, F, H, W) and apply SiLU."""
    return over_frames(lambda frames: functional.silu(norm(frames)), x)


class ResidualBlock(nn.Module):
    """Two causal convolutions, each after norm and SiLU, added to the input."""

    def __init__(self, channels_in: int, channels_out: int, make: LayerMaker) -> None:
        super().__init__()
        # The keys are the published positions; those between have no parameters.
        self.residual = nn.ModuleDict(
            {
                "0": RMSNorm(channels_in, 3, make),
                "2": make.conv3d(channels_in, channels_out, AROUND),
                "3": RMSNorm(channels_out, 3, make),
                "6": make.conv3d(channels_out, channels_out, AROUND),
            }
        )
        self.shortcut = (
            nn.Identity()
            if channels_in == channels_out
            else make.conv3d(channels_in, channels_out, POINT)
        )

    def forward(self, x: Tensor, tape: Tape | None = None) -> Tensor:
        norm1, conv1, norm2, conv2 = self.residual.values()
        h = causal_conv(conv1, activate(norm1, x), tape)  # (B, C', F, H, W)
        h = causal_conv(conv2, activate(norm2, h), tape)  # (B, C', F, H, W)
        return h + over_frames(self.shortcut, x)  # (B, C', F, H, W)


class AttentionBlock(nn.Module):
    """Single-head attention among the pixels of each frame, added to the input."""

    def __init__(self, channels: int, make: LayerMaker) -> None:
        super().__init__()
        self.attention = make.attention
        self.norm = RMSNorm(channels, 2, make)
        self.to_qkv = make.conv2d(channels, 3 * channels, 1)
        self.proj = make.conv2d(channels, channels, 1)

    def forward(self, x: Tensor, tape: Tape | None = None) -> Tensor:
        """The tape is not used: no frame sees another."""
        return x + over_frames(self._attend, x)  # (B, C, F, H, W)

    def _attend(self, x: Tensor) -> Tensor:
        batch, _, _, height, _ = x.shape
        images = rearrange(x, "B C F H W -> (B F) C H W")  # (BF, C, H, W)
        qkv = self.to_qkv(self.norm(images))  # (BF, 3C, H, W)
        q, k, v = rearrange(qkv, "M (n K) H W -> n M 1 (H W) K", n=3)  # (BF, 1, HW, C) each
        mixed = self.attention(q, k, v)  # (BF, 1, HW, C)
        mixed = rearrange(mixed, "M 1 (H W) K -> M K H W", H=height)  # (BF, C, H, W)
        return rearrange(self.proj(mixed), "(B F) C H W -> B C F H W", B=batch)  # (B, C, F, H, W)


class Head(nn.ModuleDict):
    """Norm, SiLU and the convolution that ends an encoder or a decoder."""

    def __init__(self, channels_in: int, channels_out: int, make: LayerMaker) -> None:
        conv = make.conv3d(channels_in, channels_out, AROUND)
        super().__init__({"0": RMSNorm(channels_in, 3, make), "2": conv})

    def forward(self, x: Tensor, tape: Tape | None = None) -> Tensor:
        norm, conv = self.values()
        return causal_conv(conv, activate(norm, x), tape)  # (B, C', F, H, W)
