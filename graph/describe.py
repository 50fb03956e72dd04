"""Short descriptions of values passed between nodes, for error messages."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from ..media import FrameStream, shown

_LONGEST = 4
_MOST_KEYS = 12


def describe(value: object, depth: int = 2) -> str:
    """Describe a value: dtype and shape of tensors, keys of dicts, short strings verbatim.

    Args:
        value: anything.
        depth: how many levels of dicts and lists to open.
    """
    if isinstance(value, torch.Tensor):
        shape = ", ".join(str(size) for size in value.shape)
        return f"{str(value.dtype).removeprefix('torch.')}[{shape}]"
    if isinstance(value, FrameStream):
        return f"frames[{', '.join(map(str, value.shape))}]"
    if value is None or isinstance(value, bool | int | float):
        return str(value)
    if isinstance(value, str):
        return repr(value if len(value) <= 60 else f"{value[:57]}...")
    name = type(value).__name__
    if isinstance(value, Mapping):
        return f"{name}({_dict_items(value, depth)})"
    if isinstance(value, list | tuple):
        return f"{name} of {len(value)}{_list_items(value, depth)}"
    return name


def _dict_items(value: Mapping[object, object], depth: int) -> str:
    if depth == 0:
        return f"{len(value)} keys"
    few = list(value.items())[:_MOST_KEYS]
    more = f", and {len(value) - len(few)} more" if len(value) > len(few) else ""
    return ", ".join(f"{shown(str(key))}={describe(item, depth - 1)}" for key, item in few) + more


def _list_items(value: list[object] | tuple[object, ...], depth: int) -> str:
    if depth == 0 or not value:
        return ""
    shown = ", ".join(describe(item, depth - 1) for item in value[:_LONGEST])
    return f" ({shown}{', ...' if len(value) > _LONGEST else ''})"
