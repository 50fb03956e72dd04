"""Unfinished sampling runs as safetensors files: exact tensors and a description of the run."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import Tensor

from .claims import named
from .files import METADATA_KEY, read_file
from .keys import UnsupportedCheckpointError

KIND = "sampling_state"

TENSORS = "tensors"
"""Key under which a file lists the tensors it holds."""

_LENGTH_BYTES = 8


def write_sampling_state(
    path: Path,
    tensors: Mapping[str, Tensor],
    info: Mapping[str, Any],
    tags: Mapping[str, str] | None = None,
) -> None:
    """Write tensors bit for bit, with ``info`` as JSON in the metadata.

    Args:
        path: path of the file, removed if writing fails. Equal contents give equal bytes.
        tensors: tensors by name; views of the same memory are written separately.
        info: JSON values.
        tags: further texts for the metadata, such as the graph that made it.
    """
    stored = {name: tensor.cpu().contiguous().clone() for name, tensor in tensors.items()}
    told = {**info, "kind": KIND, TENSORS: sorted(tensors)}
    metadata = {**(tags or {}), METADATA_KEY: json.dumps(told)}
    try:
        save_file(stored, path, metadata=metadata)
        _sort_metadata(path)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _sort_metadata(path: Path) -> None:
    """Sort a header's metadata: safetensors writes it in a different order every time."""
    with path.open("r+b") as file:
        length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
        header = json.loads(file.read(length))
        header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
        text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
        if len(text) <= length:
            file.seek(_LENGTH_BYTES)
            file.write(text.ljust(length))


def read_sampling_state(path: Path) -> tuple[dict[str, Tensor], Mapping[str, Any]]:
    """Read a file written by ``write_sampling_state``.

    Raises:
        FileNotFoundError: no such file.
        UnsupportedCheckpointError: the file is damaged or holds something else.
    """
    file = read_file(path)
    if not file.info:
        raise UnsupportedCheckpointError(
            f"{path.name} is not a sampling state: choose a file written by Save Sampling State"
        )
    file.expect(KIND)
    lost = [name for name in file.info.get(TENSORS, ()) if name not in file.state]
    if lost:
        raise UnsupportedCheckpointError(
            f"{path.name} lacks {named(lost)}: it is damaged; save the state again"
        )
    return file.state, file.info
