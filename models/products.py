"""Linear layers on a CPU, by the library that is fastest in them.

torch has oneDNN multiply bfloat16 and MKL float32. On AMD processors with AVX-512, MKL's float32
takes twice the time of oneDNN's, which reads the same weights: nothing is packed or kept.
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
"""What oneDNN is asked to multiply here. The processor decides, so results stay the same."""


def products_here() -> str:
    """What multiplies matrices on this CPU, for people to read."""
    names = sorted(str(dtype).removeprefix("torch.") for dtype in FAST_TYPES)
    if not names:
        return "torch chooses what multiplies matrices on this CPU"
    return f"oneDNN multiplies matrices of {' and '.join(names)} on this CPU"


def takes_fast_path(*operands: Tensor | None) -> bool:
    """Whether oneDNN is to multiply them: on a CPU, in one fast type, and without gradients.

    Not in a compiled network, whose compiler chooses by itself.
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
    """oneDNN's linear layer, (..., I) -> (..., O), and GELU (tanh) of it in the same pass.

    A row's result does not depend on the others, unless it is the only one.

    Args:
        x: (..., I) in float32 or bfloat16.
        weight: (O, I) in any layout.
        bias: (O,).
        gelu: whether to apply GELU before rounding.
    """
    if not (weight.is_contiguous() or weight.mT.is_contiguous()):
        weight = weight.contiguous()  # oneDNN multiplies by gaps in a plain loop
    activation = ("gelu", [], "tanh") if gelu else ("none", [], "")
    return torch.ops.mkldnn._linear_pointwise(x, weight, bias, *activation)


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``torch.nn.functional.linear``, by oneDNN where that is faster."""
    if takes_fast_path(x, weight, bias):
        return product(x, weight, bias)
    return functional.linear(x, weight, bias)


class Linear(nn.Linear):
    """``torch.nn.Linear``, by oneDNN where that is faster."""

    def is_plain(self, x: Tensor) -> bool:
        """Whether x is multiplied by the weights as they are; a host may cast or patch them."""
        return True

    def forward(self, input: Tensor) -> Tensor:
        """(..., I) -> (..., O)."""
        return linear(input, self.weight, self.bias)


def linear_gelu(layer: nn.Module, x: Tensor) -> Tensor:
    """GELU (tanh) of a layer of x (..., I), in one pass where that is possible: (..., O)."""
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
