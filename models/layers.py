"""Where the layers of every network come from: a namespace of classes, a place, a number format."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from .attention import Attention, attend
from .products import Linear


class UnfilledEmbedding(nn.Embedding):
    """An embedding that begins with whatever is in memory."""

    def reset_parameters(self) -> None:
        """Leave the weights to whoever loads them."""


class Unfilled:
    """Layers of a network whose weights will be loaded.

    On the meta device the first weights of torch's own embedding import a compiler: seconds.
    """

    Conv2d = nn.Conv2d
    Conv3d = nn.Conv3d
    Embedding = UnfilledEmbedding
    LayerNorm = nn.LayerNorm
    Linear = Linear
    RMSNorm = nn.RMSNorm


@dataclass(frozen=True)
class LayerMaker:
    """Makes every layer of one network alike.

    Args:
        ops: namespace of the layer classes (those that ``Unfilled`` names, as far as the network
            needs them), which take ``device`` and ``dtype``.
        attention: scaled dot-product attention of (query, key, value), each (B, N, L, K).
        device, dtype: of the parameters.
    """

    ops: Any = nn
    attention: Attention = attend
    device: torch.device | str | None = None
    dtype: torch.dtype | None = None

    @property
    def _factory(self) -> dict[str, Any]:
        return {"device": self.device, "dtype": self.dtype}

    def linear(self, inputs: int, outputs: int, *, bias: bool = True) -> nn.Linear:
        """Make a matrix."""
        return self.ops.Linear(inputs, outputs, bias=bias, **self._factory)

    def embedding(self, rows: int, width: int) -> nn.Embedding:
        """Make a table of vectors."""
        return self.ops.Embedding(rows, width, **self._factory)

    def layer_norm(self, width: int, eps: float) -> nn.LayerNorm:
        """Make a norm with a gain and a bias."""
        return self.ops.LayerNorm(width, eps=eps, elementwise_affine=True, **self._factory)

    def rms_norm(self, width: int, eps: float) -> nn.RMSNorm:
        """Make a norm with a gain."""
        return self.ops.RMSNorm(width, eps=eps, **self._factory)

    def conv2d(
        self, channels_in: int, channels_out: int, kernel: int, *, stride: int = 1, padding: int = 0
    ) -> nn.Conv2d:
        """Make a convolution of (B, C, H, W)."""
        return self.ops.Conv2d(
            channels_in, channels_out, kernel, stride=stride, padding=padding, **self._factory
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
            **self._factory,
        )

    def patches(self, channels: int, width: int, patch: tuple[int, int, int]) -> nn.Conv3d:
        """Make the embedding of patches that do not overlap."""
        return self.ops.Conv3d(channels, width, kernel_size=patch, stride=patch, **self._factory)

    def parameter(self, *shape: int) -> nn.Parameter:
        """Make a parameter of ones."""
        return nn.Parameter(torch.ones(shape, **self._factory))


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
