"""Linear layers on a CPU, computed with the fastest library.

torch uses oneDNN to multiply bfloat16 and MKL for float32. On AMD processors with AVX-512, MKL
takes twice as long as oneDNN in float32. oneDNN reads the same weights: nothing is packed or kept.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from .precision import has_fast_bf16, has_slow_fp32


def _fast_types() -> frozenset[torch.dtype]:
    if not hasattr(torch.ops.mkldnn, "_linear_pointwise"):
        return frozenset()
    fast = {
        torch.bfloat16: has_fast_bf16(torch.device("cpu")),
        torch.float32: has_slow_fp32(),
    }
    return frozenset(dtype for dtype, is_fast in fast.items() if is_fast)


FAST_TYPES = _fast_types()
"""Dtypes that oneDNN multiplies here. The processor decides, so results stay the same."""


def products_here() -> str:
    """Describe which library multiplies matrices on this CPU."""
    names = sorted(str(dtype).removeprefix("torch.") for dtype in FAST_TYPES)
    if not names:
        return "torch chooses the library that multiplies matrices on this CPU"
    return f"oneDNN multiplies matrices of {' and '.join(names)} on this CPU"


def takes_fast_path(*operands: Tensor | None) -> bool:
    """Whether oneDNN multiplies these operands: on a CPU, in one fast dtype, without gradients.

    Never in a compiled network, where the compiler chooses.
    """
    if torch.compiler.is_compiling():
        return False
    given = [each for each in operands if each is not None]
    dtype = given[0].dtype
    return (
        dtype in FAST_TYPES
        and all(each.device.type == "cpu" and each.dtype == dtype for each in given)
        and not torch.is_autocast_enabled("cpu")
        and not (torch.is_grad_enabled() and any(each.requires_grad for each in given))
    )


def product(x: Tensor, weight: Tensor, bias: Tensor | None = None, *, gelu: bool = False) -> Tensor:
    """Compute a linear layer with oneDNN, (..., I) -> (..., O), optionally with GELU (tanh) fused.

    A row's result does not depend on the other rows, unless it is the only one.

    Args:
        x: (..., I) in float32 or bfloat16.
        weight: (O, I) in any layout.
        bias: (O,).
        gelu: whether to apply GELU before rounding.
    """
    if not (weight.is_contiguous() or weight.mT.is_contiguous()):
        weight = weight.contiguous()  # oneDNN uses a plain loop for other strides
    activation = ("gelu", [], "tanh") if gelu else ("none", [], "")
    return torch.ops.mkldnn._linear_pointwise(x, weight, bias, *activation)


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``torch.nn.functional.linear``, with oneDNN where that is faster."""
    if takes_fast_path(x, weight, bias):
        return product(x, weight, bias)
    return functional.linear(x, weight, bias)


class Linear(nn.Linear):
    """``torch.nn.Linear``, with oneDNN where that is faster."""

    def is_plain(self, x: Tensor) -> bool:
        """Whether the weights are used as they are; a host may cast or patch them."""
        return True

    def forward(self, input: Tensor) -> Tensor:
        """(..., I) -> (..., O)."""
        return linear(input, self.weight, self.bias)


def linear_gelu(layer: nn.Module, x: Tensor) -> Tensor:
    """Apply a layer to x (..., I), then GELU (tanh), in one pass where possible: (..., O)."""
    if isinstance(layer, Linear) and layer.is_plain(x):
        weight, bias = layer.weight, layer.bias
        if takes_fast_path(x, weight, bias):
            return product(x, weight, bias, gelu=True)
    return functional.gelu(layer(x), approximate="tanh")


class FeedForward(nn.Sequential):
    """A linear layer, GELU (tanh), and another linear layer."""

    def forward(self, input: Tensor) -> Tensor:
        """(..., I) -> (..., O)."""
        first, _, last = self
        return last(linear_gelu(first, input))
