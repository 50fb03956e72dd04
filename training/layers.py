"""Layers equivalent to torch's own, with fewer passes over memory on a CPU.

They mix dtypes like torch.autocast: matrix products in bfloat16 where that is fast, weights and
accumulations in float32.

B batch, N heads, L query tokens, S key tokens, K head dim.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..models.precision import has_fast_bf16
from ..models.products import Linear


def mixed_precision(device: torch.device) -> torch.autocast:
    """Context in which matrix products run in bfloat16 if the device has hardware for it."""
    return torch.autocast(device.type, torch.bfloat16, enabled=has_fast_bf16(device))


def plain_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Softmax attention, (B, N, L, K) -> (B, N, L, K); on a CPU, with plain matrix products.

    On a CPU, the backward pass of torch's fused attention takes several times as long in bfloat16.
    """
    if q.device.type != "cpu":
        return functional.scaled_dot_product_attention(q.to(v.dtype), k.to(v.dtype), v)
    weights = (q * q.shape[-1] ** -0.5) @ k.mT  # (B, N, L, S)
    return weights.softmax(dim=-1).to(v.dtype) @ v


class _RootMeanSquare(torch.autograd.Function):
    """x / rms(x) * weight with a custom backward pass."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, eps: float) -> Tensor:
        full = x.to(weight.dtype)
        power = torch.linalg.vector_norm(full, dim=-1, keepdim=True).square_() / x.shape[-1]
        inverse = (power + eps).rsqrt_()
        ctx.save_for_backward(x, inverse, weight)
        return (full * inverse).mul_(weight).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None]:  # pyright: ignore[reportIncompatibleMethodOverride]
        x, inverse, weight = ctx.saved_tensors
        full, gradient = x.to(weight.dtype), gradient.to(weight.dtype)
        product = gradient * full
        along = (product @ weight)[..., None] * inverse**3 / -x.shape[-1]
        to_weight = inverse.flatten() @ product.flatten(0, -2)
        to_x = (gradient * weight).mul_(inverse).addcmul_(full, along)
        return to_x.to(x.dtype), to_weight, None


class RMSNorm(nn.RMSNorm):
    """torch.nn.RMSNorm over the last axis, with weights; the output has the input's dtype."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalise the last axis, (..., D) -> (..., D)."""
        return _RootMeanSquare.apply(x, self.weight, self.eps)  # pyright: ignore[reportReturnType]


class Layers:
    """Namespace of the layer classes that a network is built from."""

    Linear = Linear
    Conv3d = nn.Conv3d
    LayerNorm = nn.LayerNorm
    RMSNorm = RMSNorm
