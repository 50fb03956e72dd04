"""Blocks of the causal video VAE that keep size and frame count: norms, convolutions, attention."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional

from ..layers import LayerMaker
from .convolutions import conv3d
from .place import on_cpu
from .stream import Tape, over_frames, prepend_past

REACH = 2
"""Number of earlier frames that a causal convolution sees."""

AROUND = (1 + REACH, 3, 3)
"""Kernel (frames, rows, columns) of convolutions in space and time."""

POINT = (1, 1, 1)
"""Kernel of convolutions that only mix channels."""

SMALLEST_NORM = 1e-12
"""Lower bound of the norm: shorter vectors are not scaled to length 1."""

PIECE = 400_000
"""Number of values that a CPU core processes at a time, through several consecutive steps."""


class RMSNorm(nn.Module):
    """Root mean square norm over the channels of x (B, C, ...), in float32 or better.

    Args:
        channels: C.
        axes: number of axes after C; the published weights have an axis of size 1 for each.
    """

    def __init__(self, channels: int, axes: int, make: LayerMaker) -> None:
        super().__init__()
        self.scale = channels**0.5
        self.gamma = make.parameter(channels, *[1] * axes)

    def forward(self, x: Tensor) -> Tensor:
        precise = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x  # (B, C, ...)
        unit = functional.normalize(precise, dim=1).to(x.dtype)  # (B, C, ...)
        return unit * self.scale * self.gamma.to(x)  # (B, C, ...)

    def activate_into(self, x: Tensor, out: Tensor) -> None:
        """Write SiLU of the norm of x (B, C, F, H, W) to out, of the same shape, channels last.

        Each piece goes through all steps before the next one, while it is in the processor's cache.
        Steps are computed in float32 or better: only the result is rounded.
        """
        if x.is_meta and on_cpu(x):
            return  # pieces take next to no memory
        gain = self.gamma.to(x.device, torch.promote_types(x.dtype, torch.float32)).flatten()
        gain = gain * self.scale  # (C,)
        for rows, result in zip(_pieces(x), _pieces(out), strict=True):
            precise = rows.to(gain.dtype)  # (M, C)
            length = torch.linalg.vector_norm(precise, dim=1, keepdim=True)  # (M, 1)
            inverse = length.clamp_min_(SMALLEST_NORM).reciprocal_()  # (M, 1)
            into = result if result.dtype == gain.dtype else precise  # (M, C)
            torch.mul(precise, inverse, out=into)
            functional.silu(into.mul_(gain), inplace=True)
            if into is not result:
                result.copy_(into)


def _pieces(x: Tensor) -> Iterator[Tensor]:
    """Yield vectors (M, C) of x (B, C, F, H, W), sample by sample, as many as CPU caches hold."""
    channels = x.shape[1]
    many = x.numel() if x.device.type != "cpu" else PIECE * torch.get_num_threads()
    for sample in x.movedim(1, -1):
        yield from sample.reshape(-1, channels).split(max(1, many // channels))


def causal_conv(
    conv: nn.Module, x: Tensor, tape: Tape | None, norm: nn.Module | None = None
) -> Tensor:
    """Convolve x (B, C, F, H, W) with a kernel of 1 + `REACH` frames, which sees no later frame.

    Args:
        norm: an `RMSNorm` to apply first, followed by SiLU.
    """
    if tape is not None and tape.in_place:
        seen = _behind_past(x, tape, norm)  # (B, C, 2 + F, H, W)
        del x  # or it would stay in memory during the convolution
        return conv(seen)  # (B, C', F, H, W)
    seen = prepend_past(x if norm is None else activate(norm, x), REACH, tape)
    return over_frames(conv, seen, window=1 + REACH)  # (B, C', F, H, W)


def _behind_past(x: Tensor, tape: Tape, norm: nn.Module | None) -> Tensor:
    """Assemble the input of a causal convolution in the tape's workspace, without further copies.

    A single frame that begins a clip comes alone: convolutions treat missing frames as zeros.
    """
    past, frames = tape.read(), x.shape[2]
    before = 0 if past is None and frames == 1 else REACH
    seen = tape.room.to_work_in(x, before + frames)  # (B, C, 2 + F, H, W)
    if before:
        seen[:, :, :before] = 0 if past is None else past
    if norm is None:
        seen[:, :, before:] = x
    else:
        cast(RMSNorm, norm).activate_into(x, seen[:, :, before:])
    tape.write(seen, REACH)
    return seen


def activate(norm: nn.Module, x: Tensor) -> Tensor:
    """Normalise x (B, C, F, H, W) and apply SiLU."""
    return over_frames(lambda frames: functional.silu(norm(frames)), x)


def add(h: Tensor, x: Tensor, tape: Tape | None) -> Tensor:
    """Compute h + x, in place where nothing else needs h."""
    return h.add_(x) if tape is not None and tape.in_place else h + x


class ResidualBlock(nn.Module):
    """Two causal convolutions, each after norm and SiLU, added to the input.

    Args:
        overwrites: whether the result may overwrite the input, because nothing else needs it.
    """

    def __init__(
        self, channels_in: int, channels_out: int, make: LayerMaker, *, overwrites: bool
    ) -> None:
        super().__init__()
        self.overwrites = overwrites and channels_in == channels_out
        # The keys are the published indices; the layers between them have no parameters.
        self.residual = nn.ModuleDict(
            {
                "0": RMSNorm(channels_in, 3, make),
                "2": conv3d(make, channels_in, channels_out, AROUND),
                "3": RMSNorm(channels_out, 3, make),
                "6": conv3d(make, channels_out, channels_out, AROUND),
            }
        )
        self.shortcut = (
            nn.Identity()
            if channels_in == channels_out
            else conv3d(make, channels_in, channels_out, POINT)
        )

    def forward(self, x: Tensor, tape: Tape | None = None) -> Tensor:
        norm1, conv1, norm2, conv2 = self.residual.values()
        h = causal_conv(conv2, causal_conv(conv1, x, tape, norm1), tape, norm2)  # (B, C', F, H, W)
        if self.overwrites and tape is not None and tape.in_place:
            return x.add_(h)  # (B, C, F, H, W)
        return add(h, over_frames(self.shortcut, x), tape)  # (B, C', F, H, W)


class AttentionBlock(nn.Module):
    """Single-head attention between the pixels of each frame, added to the input."""

    def __init__(self, channels: int, make: LayerMaker) -> None:
        super().__init__()
        self.attention = make.attention
        self.norm = RMSNorm(channels, 2, make)
        self.to_qkv = make.conv2d(channels, 3 * channels, 1)
        self.proj = make.conv2d(channels, channels, 1)

    def forward(self, x: Tensor, tape: Tape | None = None) -> Tensor:
        """Attend within each frame; the tape is not used."""
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
    """Norm, SiLU and the final convolution of an encoder or a decoder."""

    def __init__(self, channels_in: int, channels_out: int, make: LayerMaker) -> None:
        conv = conv3d(make, channels_in, channels_out, AROUND)
        super().__init__({"0": RMSNorm(channels_in, 3, make), "2": conv})

    def forward(self, x: Tensor, tape: Tape | None = None) -> Tensor:
        norm, conv = self.values()
        return causal_conv(conv, x, tape, norm)  # (B, C', F, H, W)
