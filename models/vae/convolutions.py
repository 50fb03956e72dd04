"""Convolutions of the causal video VAE, in the forms that a CPU computes fastest."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..layers import LayerMaker
from .place import on_cpu
from .stream import takes_slow_path

FEW_CHANNELS = 32
"""Float32 input channels up to which a CPU is several times faster at 2D convolutions."""

SAMPLES = 16
"""Batch size from which torch computes a 1x1 convolution with its fast library."""

HALVES = ((0.0, 0.0, 1.0), (0.0, 1.0, 1.0), (1.0, 1.0, 0.0), (1.0, 0.0, 0.0))
"""For four neighbouring positions of a doubled image, which of three taps see a source position."""


def conv3d(
    make: LayerMaker,
    channels_in: int,
    channels_out: int,
    kernel: tuple[int, int, int],
    *,
    time_stride: int = 1,
) -> nn.Conv3d:
    """Make a convolution of (B, C, F, H, W), padded in space but not in time.

    A clip with fewer frames than the kernel is treated as the end of a clip that begins with zeros.
    """
    return _mixed(CausalConv3d, make.ops.Conv3d)(
        channels_in,
        channels_out,
        kernel,
        stride=(time_stride, 1, 1),
        padding=(0, kernel[1] // 2, kernel[2] // 2),
        **make.factory,
    )


def doubling_conv2d(make: LayerMaker, channels_in: int, channels_out: int) -> nn.Conv2d:
    """Make a 3x3 convolution that first doubles the sides of images (B, C, H, W) by repeating."""
    layer = _mixed(DoublingConv2d, make.ops.Conv2d)
    return layer(channels_in, channels_out, 3, padding=1, **make.factory)


class CausalConv3d(nn.Conv3d):
    """Computes with the weights of a host's layer; see `conv3d`."""

    def _conv_forward(
        self, input: Tensor, weight: Tensor, bias: Tensor | None, *args: Any, **kwargs: Any
    ) -> Tensor:
        weight = weight[:, :, max(0, weight.shape[2] - input.shape[2]) :]
        if is_inference(input) and on_cpu(input):
            if weight.shape[3:] == (1, 1):
                return _in_time(input, weight, bias, self.stride[0])
            few = input.dtype == torch.float32 and input.shape[1] <= FEW_CHANNELS
            if self.stride[0] == 1 and (few or takes_slow_path(input)):
                return _in_space(input, weight, bias)
        return super()._conv_forward(input, weight, bias, *args, **kwargs)


class DoublingConv2d(nn.Conv2d):
    """Computes with the weights of a host's layer; see `doubling_conv2d`."""

    def _conv_forward(
        self, input: Tensor, weight: Tensor, bias: Tensor | None, *args: Any, **kwargs: Any
    ) -> Tensor:
        if is_inference(input) and on_cpu(input):
            return functional.conv_transpose2d(input, _folded(weight), bias, stride=2, padding=1)
        images = functional.interpolate(input, scale_factor=2, mode="nearest-exact")
        return super()._conv_forward(images, weight, bias, *args, **kwargs)


@cache
def _mixed(computing: type[nn.Module], bringing: type[nn.Module]) -> Callable[..., Any]:
    """A layer class whose weights come from the host's class and whose computation is ours."""
    return type(computing.__name__, (computing, bringing), {})


def is_inference(x: Tensor) -> bool:
    """Whether gradients are off and x is not in float64, the reference precision."""
    return not torch.is_grad_enabled() and x.dtype != torch.float64


def _in_time(x: Tensor, weight: Tensor, bias: Tensor | None, stride: int) -> Tensor:
    """Convolve x (B, C, F, H, W) with a kernel (k, 1, 1), as 2D images with F rows."""
    batch, channels, frames, height, width = x.shape
    kernel = weight.flatten(3)  # (C', C, k, 1)
    if kernel.shape[2] > 1:
        made = torch.conv2d(x.flatten(3), kernel, bias, stride=(stride, 1))  # (B, C', F', HW)
        return made.unflatten(3, (height, width))
    positions = frames * height * width
    if positions % SAMPLES:
        return torch.conv3d(x, weight, bias)
    parts = x.flatten(2).unflatten(2, (SAMPLES, -1)).transpose(1, 2)  # (B, S, C, M)
    made = torch.conv2d(parts.reshape(batch * SAMPLES, channels, -1, 1), kernel, bias)
    made = made.view(batch, SAMPLES, -1, positions // SAMPLES).transpose(1, 2)  # (B, C', S, M)
    return made.reshape(batch, -1, frames, height, width)


def _in_space(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Convolve x (B, C, F, H, W) as images whose channels are those of all frames in the kernel."""
    frames = x.shape[2] - weight.shape[2] + 1
    seen = torch.cat([x[:, :, k : k + frames] for k in range(weight.shape[2])], dim=1)
    images = seen.transpose(1, 2).flatten(0, 1)  # (BF', kC, H, W)
    kernel = weight.transpose(1, 2).flatten(1, 2)  # (C', kC, 3, 3)
    made = torch.conv2d(images, kernel, bias, padding=kernel.shape[2] // 2)  # (BF', C', H, W)
    return made.unflatten(0, (x.shape[0], frames)).transpose(1, 2)  # (B, C', F', H, W)


def _folded(weight: Tensor) -> Tensor:
    """Weights (C, C', 4, 4) of the transposed convolution that equals doubling, then ``weight``.

    Taps that fall on the same repeated position are summed: four products per result instead of
    nine.
    """
    halves = torch.tensor(HALVES)  # (4, 3)
    sums = torch.kron(halves, halves).to(weight.device)  # (16, 9)
    taps = weight.float().movedim(1, -1).flatten(1, 2)  # (C', 9, C)
    folded = (sums @ taps).to(weight.dtype)  # (C', 16, C)
    return folded.unflatten(1, (4, 4)).permute(3, 0, 1, 2)
