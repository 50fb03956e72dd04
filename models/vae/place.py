"""Where a VAE computes, on which it depends how: also for tensors that have no values."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor

LIBRARY = 24_000_000
"""Bytes that a CPU's library of convolutions takes beside all tensors; measured."""

_meta_place: ContextVar[str] = ContextVar("_meta_place", default="meta")


@contextmanager
def as_if_on(device: torch.device) -> Iterator[None]:
    """Let tensors on the meta device go the way meanwhile that others would go on a device."""
    token = _meta_place.set(device.type)
    try:
        yield
    finally:
        _meta_place.reset(token)


def on_cpu(x: Tensor) -> bool:
    """Tell whether x is computed on a CPU, or would be if it had values."""
    return (_meta_place.get() if x.is_meta else x.device.type) == "cpu"
