"""Low-rank and full changes of a network's weights, merged into copies or computed live.

r rank, I inputs and O outputs of a layer.
"""

import copy
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, nn

from .products import linear

SHORTEST = 1e-12
"""Lower bound of a norm: a row of zeros has no direction and stays zero at any magnitude."""


@dataclass(frozen=True, eq=False)
class LowRank:
    """``scale * up @ down``, as in Hu et al., "LoRA", 2021.

    Args:
        down: (r, I), or the kernel (r, I, ...) of a convolution.
        up: (O, r), or a kernel of size 1.
        scale: alpha / r.
        magnitude: lengths to which the rows (O, 1) or columns (1, I) of weight plus change are
            rescaled (Liu et al., "DoRA", 2024), or None.
    """

    down: Tensor
    up: Tensor
    scale: float = 1.0
    magnitude: Tensor | None = None

    def change(self, weight: Tensor) -> Tensor:
        """The change of a weight (O, I, ...) at full strength, float32."""
        down, up = (m.to(weight.device, torch.float32).flatten(1) for m in (self.down, self.up))
        change = self.scale * (up @ down).reshape(weight.shape)
        if self.magnitude is None:
            return change
        aim = (weight.float() + change).flatten(1)  # (O, I)
        length = self.magnitude.to(aim).reshape(len(self.magnitude), -1)
        axis = 1 if len(length) == len(aim) else 0
        norm = aim.norm(dim=axis, keepdim=True).clamp_min(SHORTEST)
        scaled = aim * (length / norm)
        return scaled.reshape(weight.shape) - weight.float()


@dataclass(frozen=True, eq=False)
class WeightDelta:
    """Changes of one weight or bias.

    Args:
        value: replaces it, whatever the strength.
        full: full change to add.
        low_rank: low-rank change to add.
    """

    value: Tensor | None = None
    full: Tensor | None = None
    low_rank: LowRank | None = None

    @property
    def changes(self) -> bool:
        """Whether it holds any change."""
        return any(each is not None for each in (self.value, self.full, self.low_rank))

    def merged(self, weight: Tensor, strength: float) -> Tensor:
        """The changed weight in its own dtype; summed in float32."""
        result = (weight if self.value is None else self.value.to(weight.device)).float()
        if self.full is not None:
            result = result + strength * self.full.to(result)
        if self.low_rank is not None:
            result = result + strength * self.low_rank.change(result)
        return result.to(weight.dtype)


WeightDeltas = Mapping[str, WeightDelta]
"""Changes by parameter name."""


class LiveLinear(nn.Module):
    """A linear layer with a low-rank change computed in the forward pass.

    Args:
        base: the layer; its weights are shared, not copied.
        change: a change without a magnitude.
        strength: factor of the change.
    """

    def __init__(self, base: nn.Module, change: LowRank, strength: float) -> None:
        super().__init__()
        self.base = base
        self.scale = strength * change.scale
        weight = self.weight
        self.down = nn.Parameter(change.down.to(weight), requires_grad=False)
        self.up = nn.Parameter(change.up.to(weight), requires_grad=False)

    @property
    def weight(self) -> Tensor:
        """Weight of the layer itself."""
        return self.base.weight  # pyright: ignore[reportReturnType]

    def forward(self, x: Tensor) -> Tensor:
        """(..., I) -> (..., O)."""
        return self.base(x) + self.scale * linear(linear(x, self.down), self.up)


def published_shapes(network: nn.Module) -> dict[str, torch.Size]:
    """Shapes of parameters, by the names they had before any ``LiveLinear`` was put in."""
    shapes = {}
    for name, weight in network.named_parameters():
        path, _, own = name.rpartition(".")
        if not isinstance(network.get_submodule(path), LiveLinear):
            shapes[re.sub(r"\bbase\.", "", f"{path}.{own}" if path else own)] = weight.shape
    return shapes


Network = TypeVar("Network", bound=nn.Module)


def patched(
    network: Network, patches: WeightDeltas, strength: float = 1.0, *, live: bool = False
) -> Network:
    """Copy a network with changed weights; the copy shares all unchanged weights.

    Args:
        network: not modified; returned as it is at strength 0.
        patches: changes by parameter name.
        strength: factor of the changes.
        live: compute low-rank changes of linear layers in the forward pass. This needs no copy of
            the weight and keeps small changes that a weight in half precision would round away;
            everything else is merged.
    """
    if strength == 0 or not patches:
        return network
    twin = _shared_copy(network)
    for name, patch in patches.items():
        path, _, attribute = name.rpartition(".")
        layer = twin.get_submodule(path)
        only_low_rank = patch.value is None and patch.full is None
        change = patch.low_rank
        if live and only_low_rank and change is not None and _can_run_beside(layer, change):
            above, _, own = path.rpartition(".")
            setattr(twin.get_submodule(above), own, LiveLinear(layer, change, strength))
        else:
            _merge(layer, attribute, patch, strength)
    return twin


def _can_run_beside(layer: nn.Module, change: LowRank) -> bool:
    return isinstance(layer, (nn.Linear, LiveLinear)) and change.magnitude is None


def _merge(layer: nn.Module, attribute: str, patch: WeightDelta, strength: float) -> None:
    while isinstance(layer, LiveLinear):
        layer = layer.base
    merged = patch.merged(getattr(layer, attribute), strength)
    setattr(layer, attribute, nn.Parameter(merged, requires_grad=False))


def _shared_copy(module: Network) -> Network:
    """Copy the tree of modules around the same tensors."""
    twin = copy.copy(module)
    twin._parameters = dict(module._parameters)
    twin._buffers = dict(module._buffers)
    twin._modules = {
        name: None if child is None else _shared_copy(child)
        for name, child in module._modules.items()
    }
    return twin
