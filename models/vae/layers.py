"""Where the layers of the VAE come from: a namespace of classes, a place and a number format."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import nn

from ..attention import Attention


class LayerClasses(Protocol):
    """Namespace of layer classes that take `device=` and `dtype=`, such as `torch.nn`."""

    Conv2d: Any
    Conv3d: Any
    Linear: Any


@dataclass(frozen=True)
class LayerMaker:
    """Makes every layer of one network alike."""

    ops: LayerClasses
    attention: Attention
    device: torch.device | str | None
    dtype: torch.dtype | None

    def conv2d(
        self, channels_in: int, channels_out: int, kernel: int, *, stride: int = 1, padding: int = 0
    ) -> nn.Conv2d:
        """Make a convolution of (B, C, H, W)."""
        return self.ops.Conv2d(
            channels_in,
            channels_out,
            kernel,
            stride=stride,
            padding=padding,
            device=self.device,
            dtype=self.dtype,
        )

    def conv3d(
        self,
        channels_in: int,
        channels_out: int,
        kernel: tuple[int, int, int],
        *,
        time_stride: int = 1,
    ) -> nn.Conv3d:
        """Make a convolution of (B, C, F, H, W), padded to keep the size but not in time."""
        return self.ops.Conv3d(
            channels_in,
            channels_out,
            kernel,
            stride=(time_stride, 1, 1),
            padding=(0, kernel[1] // 2, kernel[2] // 2),
            device=self.device,
            dtype=self.dtype,
        )

    def linear(self, numbers_in: int, numbers_out: int) -> nn.Linear:
        """Make a matrix with a bias."""
        return self.ops.Linear(numbers_in, numbers_out, device=self.device, dtype=self.dtype)

    def parameter(self, *shape: int) -> nn.Parameter:
        """Make a parameter of ones."""
        return nn.Parameter(torch.ones(shape, device=self.device, dtype=self.dtype))


def to_channels_last(network: nn.Module) -> None:
    """Lay convolution weights out with channels last, in place; results then follow.

    The CPU's and the GPU's convolutions read this layout faster, and no copy is needed between
    layers on clips and layers on images. Meant for inference: gradients keep the usual layout.
    """
    layouts = {5: torch.channels_last_3d, 4: torch.channels_last}
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Conv3d):
            weight = module.weight
            weight.data = weight.data.contiguous(memory_format=layouts[weight.ndim])
