"""The device a VAE computes on, which decides its code path, also for tensors without values."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor

LIBRARY = 24_000_000
"""Bytes that the CPU's convolution library allocates besides all tensors; measured."""

_meta_place: ContextVar[str] = ContextVar("_meta_place", default="meta")


@contextmanager
def as_if_on(device: torch.device) -> Iterator[None]:
    """Within this context, tensors on the meta device follow the code path of ``device``."""
    token = _meta_place.set(device.type)
    try:
        yield
    finally:
        _meta_place.reset(token)


def on_cpu(x: Tensor) -> bool:
    """Whether x is computed on a CPU, or would be if it had values."""
    return (_meta_place.get() if x.is_meta else x.device.type) == "cpu"
