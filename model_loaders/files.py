"""Safetensors files: their tensors and headers."""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from .claims import check_keys, type_of
from .keys import UnsupportedCheckpointError
from .unreadable import unreadable

METADATA_KEY = "spacetime"
"""Key of the safetensors metadata under which a file of the pack stores its config as JSON."""


@dataclass(frozen=True, eq=False)
class WeightsFile:
    """Tensors and header of a safetensors file; ``info`` is the pack's part of the header."""

    name: str
    state: dict[str, Tensor]
    header: Mapping[str, str]
    info: Mapping[str, Any]

    def expect(self, kind: str) -> None:
        """Raise UnsupportedCheckpointError if the pack wrote the file as another kind of model."""
        if self.info and self.info.get("kind") != kind:
            raise UnsupportedCheckpointError(
                f"{self.name} holds a {self.info.get('kind')}, not a {kind}: choose another file"
            )


Tick = Callable[[int, int], None]
"""(done, total) tensors read."""


_measuring: ContextVar[bool] = ContextVar("measuring", default=False)


@contextmanager
def only_measured() -> Iterator[None]:
    """Within this block, have every `read_file` measure matrices instead of reading them."""
    token = _measuring.set(True)
    try:
        yield
    finally:
        _measuring.reset(token)


def is_measuring() -> bool:
    """Whether code runs inside `only_measured`, so that computed values are meaningless."""
    return _measuring.get()


def read_file(
    path: Path, *, tick: Tick = lambda done, total: None, matrices: bool = True
) -> WeightsFile:
    """Read a safetensors file.

    Args:
        path: path of the file.
        tick: called after every tensor; an exception it raises stops the reading.
        matrices: whether to read matrices. If not, weights of two or more axes are only measured
            and returned on the meta device, which is fast for a file of any size.

    Raises:
        FileNotFoundError: no such file.
        UnsupportedCheckpointError: not a readable safetensors file.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no weights file {path}")
    try:
        with safe_open(path, framework="pt") as file:
            header, keys = file.metadata() or {}, list(file.keys())
            check_keys(path.name, keys)
            state, matrices = {}, matrices and not is_measuring()
            for number, key in enumerate(keys):
                state[key] = file.get_tensor(key) if matrices else _measured(path.name, file, key)
                tick(number + 1, len(keys))
    except (SafetensorError, OSError) as error:
        raise UnsupportedCheckpointError(unreadable(path, error)) from error
    return WeightsFile(path.name, state, header, _info(path.name, header))


def _measured(name: str, file: Any, key: str) -> Tensor:
    stored = file.get_slice(key)
    shape, kind = stored.get_shape(), type_of(name, key, stored.get_dtype())
    return file.get_tensor(key) if len(shape) < 2 else torch.empty(shape, dtype=kind, device="meta")


def _info(name: str, header: Mapping[str, str]) -> dict[str, Any]:
    """The pack's part of a header."""
    try:
        info = json.loads(header.get(METADATA_KEY, "{}"))
    except (ValueError, RecursionError) as error:
        raise UnsupportedCheckpointError(
            f"the header of {name} is not readable ({str(error)[:100]}): download it again"
        ) from error
    if not isinstance(info, dict):
        raise UnsupportedCheckpointError(f"the header of {name} is damaged: download it again")
    return info


def write_file(
    path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None
) -> Path:
    """Write a safetensors file atomically; create its folder if it is missing.

    Args:
        path: path of the file; an existing file stays until the new one is complete.
        tensors: tensors by name.
        metadata: metadata for the header.

    Returns:
        The path.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        whole = {name: tensor.contiguous() for name, tensor in tensors.items()}
        save_file(whole, part, metadata=dict(metadata or {}))
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        return part.replace(path)
    finally:
        part.unlink(missing_ok=True)
