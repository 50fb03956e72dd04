"""Tensors with unknown values: whatever is computed from them is unknown, too.

In a rehearsal, networks return zeros. A node that reads these might decide differently in the real
run, so every node that reads them is stopped.
"""

import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from math import inf
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from ...graph.call import current_node


class StoppedAt(BaseException):
    """A rehearsal cannot continue at a node; passes through nodes that catch errors.

    Attributes:
        node: its id.
    """

    def __init__(self) -> None:
        running = current_node()
        self.node = running.id if running else ""
        super().__init__(self.node)


class ValuesNeeded(StoppedAt):
    """The node has read unknown values."""


class TimeIsUp(StoppedAt):
    """The node has used up its time."""


class Unknowns:
    """The tensors that hold unknown values; views of a tensor are included.

    ``end`` is the time on the monotonic clock at which a node is stopped.
    """

    def __init__(self) -> None:
        self._storages: set[int] = set()
        self.end = inf

    def check_time(self) -> None:
        """Stop a node that takes too long.

        Raises:
            TimeIsUp: the node has used up its time.
        """
        if time.monotonic() > self.end:
            raise TimeIsUp

    def add(self, tensor: Tensor) -> Tensor:
        """Mark the values of a tensor as unknown, and return it."""
        self.mark(tensor)
        return tensor

    def mark(self, value: Any) -> None:
        """Mark the values of a tensor, or of a list of tensors, as unknown."""
        if isinstance(value, Tensor):
            storage = value.untyped_storage()
            key = storage._cdata
            if key not in self._storages:
                self._storages.add(key)
                weakref.finalize(storage, self._storages.discard, key)
        elif isinstance(value, list | tuple):
            for each in value:
                self.mark(each)

    def __contains__(self, value: object) -> bool:
        if isinstance(value, Tensor):
            return value.untyped_storage()._cdata in self._storages
        if isinstance(value, list | tuple):
            return any(each in self for each in value)
        return False

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Track unknown values through all operations of a block in this thread.

        Raises:
            ValuesNeeded: they are read, or a shape depends on them.
            TimeIsUp: a node takes too long.
        """
        with _Looks(self), _Operations(self):
            yield


def _any_unknown(unknowns: Unknowns, args: Iterable[Any], kwargs: Mapping[str, Any] | None) -> bool:
    return any(each in unknowns for each in args) or any(
        each in unknowns for each in (kwargs or {}).values()
    )


_VALUES = frozenset({
    Tensor.numpy, Tensor.tolist, Tensor.__array__, Tensor.data_ptr, Tensor.__deepcopy__,
    Tensor.__reduce_ex__, Tensor.__dlpack__, Tensor.__repr__, Tensor.__format__,
})  # fmt: skip
"""Ways to read values besides torch's operations."""

_COPIES = frozenset({torch.tensor, torch.as_tensor, torch.asarray})
"""Functions that read tensors within lists."""

_FINITE = frozenset({torch.isfinite, Tensor.isfinite})


class _Looks(TorchFunctionMode):
    """Stops reads of unknown values other than by operations; all values count as finite."""

    def __init__(self, unknowns: Unknowns) -> None:
        super().__init__()
        self._unknowns = unknowns

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if func in _VALUES and args[0] in self._unknowns:
            raise ValuesNeeded
        if func in _COPIES and not isinstance(args[0], Tensor) and args[0] in self._unknowns:
            raise ValuesNeeded
        if func is Tensor.new_tensor and args[1] in self._unknowns:
            raise ValuesNeeded
        if func in _FINITE and args[0] in self._unknowns:
            return torch.ones(args[0].shape, dtype=torch.bool)
        return func(*args, **(kwargs or {}))


_SHAPED = frozenset({
    torch.ops.aten.zeros_like.default, torch.ops.aten.ones_like.default,
    torch.ops.aten.full_like.default, torch.ops.aten.empty_like.default,
    torch.ops.aten.new_zeros.default, torch.ops.aten.new_ones.default,
    torch.ops.aten.new_full.default, torch.ops.aten.new_empty.default,
    torch.ops.aten.new_empty_strided.default,
})  # fmt: skip
"""Operations that use only the shape of a tensor."""

_TELLING = frozenset({torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape})


_MASKS = frozenset({torch.bool, torch.uint8})


class _Operations(TorchDispatchMode):
    """Marks what operations compute from unknown values as unknown."""

    def __init__(self, unknowns: Unknowns) -> None:
        super().__init__()
        self._unknowns = unknowns

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Return False: nothing is compiled here, and importing torch's compiler takes a second."""
        return False

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        unknowns = self._unknowns
        unknowns.check_time()
        if func in _SHAPED or not _any_unknown(unknowns, args, kwargs):
            return func(*args, **(kwargs or {}))
        with self:  # the operations that it decomposes into
            made = func.decompose(*args, **(kwargs or {}))
        if made is not NotImplemented:
            return made
        if _tells(func, args, unknowns):
            raise ValuesNeeded
        made = func(*args, **(kwargs or {}))
        changed = args if func._schema.is_mutable else ()
        unknowns.mark((made, *changed))
        return made


def _tells(func: Any, args: tuple[Any, ...], unknowns: Unknowns) -> bool:
    """Whether an operation reveals values, or returns a shape that depends on them."""
    if func is torch.ops.aten.index.Tensor:  # indices say what is picked, masks how much
        return any(each in unknowns and each.dtype in _MASKS for each in args[1])
    gives_tensors = all("Tensor" in str(each.type) for each in func._schema.returns)
    return not (gives_tensors and _TELLING.isdisjoint(func.tags))
