"""ComfyUI's layers with the pack's matrix products where ComfyUI would use torch's."""
# pyright: reportMissingImports=false

from functools import lru_cache
from typing import Any

import comfy.ops
import torch
from torch import Tensor, nn

from ...models.products import Linear


class HostLinear(Linear):
    """Mixin that precedes ComfyUI's linear layer, which casts and patches, in the MRO."""

    def is_plain(self, x: Tensor) -> bool:
        """Whether ComfyUI would multiply x by the weights as they are, without casts or patches."""
        if torch.compiler.is_compiling():
            return False
        waits = any(hasattr(self, name) for name in ("_v", "_prefetch"))  # streamed
        return (
            not waits
            and not getattr(self, "weight_function", ())
            and not getattr(self, "bias_function", ())
            and all(
                type(each) is nn.Parameter and (each.device, each.dtype) == (x.device, x.dtype)
                for each in (self.weight, self.bias)
                if each is not None
            )
        )

    def forward(self, input: Tensor) -> Tensor:
        """(..., I) -> (..., O)."""
        if self.is_plain(input):
            return Linear.forward(self, input)
        return super(Linear, self).forward(input)


@lru_cache
def with_fast_products(operations: Any) -> Any:
    """Return a namespace of ComfyUI's layers with the pack's products; any other as it is."""
    if operations not in (comfy.ops.disable_weight_init, comfy.ops.manual_cast):
        return operations
    linear = type("Linear", (HostLinear, operations.Linear), {})
    return type("HostLayers", (operations,), {"Linear": linear})
