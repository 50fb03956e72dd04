"""Creation of the layers of every network: layer classes, device and dtype."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from . import products
from .attention import Attention, attend


class AsInMemory:
    """Mixin for layers whose weights are left uninitialised."""

    def reset_parameters(self) -> None:
        """Do nothing: the weights will be loaded."""


class Unfilled:
    """Layers of a network whose weights will be loaded.

    Initial weights would be drawn for nothing; on the meta device, drawing those of an embedding
    imports a compiler, which takes seconds.
    """

    class Conv2d(AsInMemory, nn.Conv2d):
        """A convolution of (B, C, H, W)."""

    class Conv3d(AsInMemory, nn.Conv3d):
        """A convolution of (B, C, F, H, W)."""

    class Embedding(AsInMemory, nn.Embedding):
        """An embedding table."""

    class LayerNorm(AsInMemory, nn.LayerNorm):
        """A layer norm with a gain and a bias."""

    class Linear(AsInMemory, products.Linear):
        """A linear layer."""

    class RMSNorm(AsInMemory, nn.RMSNorm):
        """An RMS norm with a gain."""


@dataclass(frozen=True)
class LayerMaker:
    """Creates all layers of one network with the same settings.

    Args:
        ops: namespace of the layer classes (those in ``Unfilled`` that the network needs), which
            take ``device`` and ``dtype``.
        attention: scaled dot-product attention of (query, key, value), each (B, N, L, K).
        device, dtype: device and dtype of the parameters.
    """

    ops: Any = nn
    attention: Attention = attend
    device: torch.device | str | None = None
    dtype: torch.dtype | None = None

    @property
    def factory(self) -> dict[str, Any]:
        """Keyword arguments for the layer classes."""
        return {"device": self.device, "dtype": self.dtype}

    def linear(self, inputs: int, outputs: int, *, bias: bool = True) -> nn.Linear:
        """Make a linear layer."""
        return self.ops.Linear(inputs, outputs, bias=bias, **self.factory)

    def embedding(self, rows: int, width: int) -> nn.Embedding:
        """Make an embedding table."""
        return self.ops.Embedding(rows, width, **self.factory)

    def layer_norm(self, width: int, eps: float) -> nn.LayerNorm:
        """Make a layer norm with a gain and a bias."""
        return self.ops.LayerNorm(width, eps=eps, elementwise_affine=True, **self.factory)

    def rms_norm(self, width: int, eps: float) -> nn.RMSNorm:
        """Make an RMS norm with a gain."""
        return self.ops.RMSNorm(width, eps=eps, **self.factory)

    def conv2d(
        self, channels_in: int, channels_out: int, kernel: int, *, stride: int = 1, padding: int = 0
    ) -> nn.Conv2d:
        """Make a convolution of (B, C, H, W)."""
        return self.ops.Conv2d(
            channels_in, channels_out, kernel, stride=stride, padding=padding, **self.factory
        )

    def patches(self, channels: int, width: int, patch: tuple[int, int, int]) -> nn.Conv3d:
        """Make the embedding of non-overlapping patches."""
        return self.ops.Conv3d(channels, width, kernel_size=patch, stride=patch, **self.factory)

    def parameter(self, *shape: int) -> nn.Parameter:
        """Make a parameter of ones."""
        return nn.Parameter(torch.ones(shape, **self.factory))


def to_channels_last(network: nn.Module) -> None:
    """Convert convolution weights to channels-last memory format, in place; outputs follow it.

    CPU and GPU convolutions are faster in this layout, and no copy is needed between layers on
    clips and layers on images. Meant for inference: gradients keep the usual layout.
    """
    layouts = {5: torch.channels_last_3d, 4: torch.channels_last}
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Conv3d):
            weight = module.weight
            weight.data = weight.data.contiguous(memory_format=layouts[weight.ndim])
