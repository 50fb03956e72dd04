"""A second device on a machine that has none: tensors that refuse to meet those of the CPU.

Their numbers lie in ordinary tensors, with which all is computed. Like those of a GPU they take
part in an operation only with their like, with numbers, and with tensors of no dimensions.
"""

from contextlib import contextmanager

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map

OTHER = torch.device("meta")
"""PyTorch lets no other device go without a driver; nothing here is a meta tensor."""

MOVES = {"aten::_to_copy", "aten::copy_", "aten::to"}
INDEXES = {"aten::index", "aten::index_put", "aten::index_put_", "aten::_index_put_impl_"}
"""What takes tensors of two devices: copies, and indices that lie on the CPU."""

WHOLE = {
    *(torch.Tensor.tolist, torch.Tensor.item, torch.Tensor.numpy, torch.Tensor.new_tensor),
    *(torch.Tensor.__float__, torch.Tensor.__int__, torch.Tensor.__bool__, torch.Tensor.__index__),
    torch.nn.functional.scaled_dot_product_attention,
}
"""Functions that PyTorch does not hand on operation by operation."""


class OtherTensor(torch.Tensor):
    """A tensor on the second device."""

    @staticmethod
    def __new__(cls, held):
        return torch.Tensor._make_wrapper_subclass(
            cls, held.shape, strides=held.stride(), dtype=held.dtype, device=OTHER
        )

    def __init__(self, held):
        self.held = held

    def __repr__(self):
        return f"OtherTensor({self.held})"

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        return _computed(func, args, kwargs or {})

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        if func in WHOLE:
            made = func(*tree_map(_held, args), **tree_map(_held, kwargs or {}))
            return OtherTensor(made) if isinstance(made, torch.Tensor) else made
        if func in (torch.Tensor.__getitem__, torch.Tensor.__setitem__):
            args = (args[0], _with_tensors(args[1]), *args[2:])
        with torch._C.DisableTorchFunctionSubclass():
            return func(*args, **kwargs or {})


def _with_tensors(index):
    """An index whose lists are tensors on the CPU, as PyTorch makes them of those for a GPU."""
    every = index if isinstance(index, tuple) else (index,)
    return tuple(torch.tensor(each) if isinstance(each, list) else each for each in every)


class _Operations(TorchDispatchMode):
    """Lets tensors be made on the second device, and moved to it."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        return _computed(func, args, kwargs or {})


class _Numbers(TorchFunctionMode):
    """Lets numbers become tensors there, which PyTorch does below its operations."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func is torch.tensor and kwargs.get("device") is not None:
            return func(*args, **{**kwargs, "device": "cpu"}).to(kwargs["device"])
        return func(*args, **kwargs)


@contextmanager
def other_device():
    """Offer the second device to what runs inside."""
    with _Operations(), _Numbers():
        yield OTHER


def _computed(func, args, kwargs):
    name, flat = func.name().split(".")[0], tree_flatten((args, kwargs))[0]
    if name == "aten::_has_compatible_shallow_copy_type":  # the weights of a module are replaced
        return False
    tensors = [each for each in flat if isinstance(each, torch.Tensor)]
    _check(func, name, [args[0], *args[2:3]] if name in INDEXES else tensors)
    known = {id(each.held): each for each in tensors if isinstance(each, OtherTensor)}
    made = func(*tree_map(_held, args), **tree_map(_held, kwargs))
    return tree_map(lambda each: _placed(each, known), made) if _there(name, args, flat) else made


def _check(func, name, values):
    """Refuse tensors of two devices."""
    there = [each for each in values if isinstance(each, OtherTensor)]
    tensors = [each for each in values if isinstance(each, torch.Tensor)]
    here = [each for each in tensors if not isinstance(each, OtherTensor)]
    if name not in MOVES and there and any(each.ndim for each in here):
        raise RuntimeError(f"{func}: tensors of two devices, {[tuple(t.shape) for t in here]} here")


def _there(name, args, flat):
    """Whether the result lies on the second device."""
    devices = [each for each in flat if isinstance(each, torch.device)]
    if name == "aten::to" and len(args) > 1 and isinstance(args[1], torch.Tensor):
        return isinstance(args[1], OtherTensor)
    if devices:
        return devices[0].type == OTHER.type
    values = args[:1] if name in MOVES else flat
    return any(isinstance(each, OtherTensor) for each in values)


def _held(value):
    if isinstance(value, torch.device):
        return torch.device("cpu")
    return value.held if isinstance(value, OtherTensor) else value


def _placed(value, known):
    """A result on the second device; one that is changed in place is the same tensor."""
    if not isinstance(value, torch.Tensor) or isinstance(value, OtherTensor):
        return value
    return known[id(value)] if id(value) in known else OtherTensor(value)
