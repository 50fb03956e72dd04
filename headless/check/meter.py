"""Measure the cost of a network's call, its operations and memory, without computing it."""

import weakref
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

META = torch.device("meta")
"""Device of tensors that have a shape but no values."""


@dataclass(frozen=True)
class Cost:
    """Cost of one call: floating point operations, and peak bytes of live tensors."""

    flops: int
    bytes: int


@dataclass
class Work:
    """Calls of one network, keyed by what determines their cost, and its weights.

    Args:
        name: what the network does.
        weights: bytes of its parameters.
    """

    name: str
    weights: int
    costs: dict[Any, Cost] = field(default_factory=dict[Any, Cost])
    calls: dict[Any, int] = field(default_factory=dict[Any, int])

    @property
    def flops(self) -> int:
        """Floating point operations of all calls."""
        return sum(self.costs[key].flops * count for key, count in self.calls.items())

    @property
    def peak(self) -> int:
        """Bytes of the call that needs most, in addition to the weights."""
        return max((self.costs[key].bytes for key in self.calls), default=0)

    def add(self, key: Any, measure: Callable[[], Cost]) -> None:
        """Count a call; measure it if its key is new."""
        if key not in self.costs:
            self.costs[key] = measure()
        self.calls[key] = self.calls.get(key, 0) + 1


class _Alive(TorchDispatchMode):
    """Adds up the memory of tensors that operations return, until they are freed.

    Args:
        without: tensors whose memory is not counted.
    """

    def __init__(self, without: Iterable[Tensor]) -> None:
        super().__init__()
        self.now, self.most = 0, 0
        self._known = {tensor.untyped_storage()._cdata for tensor in without}

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        made = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(made):
            if isinstance(leaf, Tensor):
                self._add(leaf.untyped_storage())
        return made

    def _add(self, storage: torch.UntypedStorage) -> None:
        key = storage._cdata
        if key not in self._known:
            self._known.add(key)
            size = storage.nbytes()
            self.now += size
            self.most = max(self.most, self.now)
            weakref.finalize(storage, self._remove, key, size)

    def _remove(self, key: int, size: int) -> None:
        self._known.discard(key)
        self.now -= size


def cost_of(call: Callable[[], Any], weights: Iterable[Tensor] = ()) -> tuple[Cost, Any]:
    """Return the cost of a call on tensors without values, and its result.

    Args:
        call: the call to measure.
        weights: weights of the network, whose memory is not counted.
    """
    from torch.utils.flop_counter import FlopCounterMode

    flops, alive = FlopCounterMode(display=False), _Alive(weights)
    with torch.inference_mode(), flops, alive:
        made = call()
    return Cost(flops.get_total_flops(), alive.most), made


def on_meta(value: Any) -> Any:
    """Return a tensor without its values; anything else as it is."""
    return value.to(META) if isinstance(value, Tensor) else value


def bytes_of(network: torch.nn.Module) -> int:
    """Return the bytes of a network's parameters."""
    return sum(weight.numel() * weight.element_size() for weight in network.parameters())
