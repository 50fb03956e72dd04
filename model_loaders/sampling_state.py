"""Unfinished sampling runs as safetensors files: exact tensors, and what they belong to."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import Tensor

from .keys import UnsupportedCheckpointError
from .load import METADATA_KEY, read_file

KIND = "sampling_state"


def write_sampling_state(
    path: Path,
    tensors: Mapping[str, Tensor],
    info: Mapping[str, Any],
    tags: Mapping[str, str] | None = None,
) -> None:
    """Write tensors bit for bit, with ``info`` as JSON in the metadata.

    Args:
        path: of the file; it appears when it is complete.
        tensors: by name; views of each other are written one by one.
        info: JSON values.
        tags: more texts for the metadata, such as the graph that made it.
    """
    part = path.with_name(f".{path.name}.part")
    stored = {name: tensor.cpu().contiguous().clone() for name, tensor in tensors.items()}
    metadata = {**(tags or {}), METADATA_KEY: json.dumps({**info, "kind": KIND})}
    try:
        save_file(stored, part, metadata=metadata)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def read_sampling_state(path: Path) -> tuple[dict[str, Tensor], Mapping[str, Any]]:
    """Read what ``write_sampling_state`` wrote.

    Raises:
        FileNotFoundError: no such file.
        UnsupportedCheckpointError: the file is damaged or holds something else.
    """
    file = read_file(path)
    if not file.info:
        raise UnsupportedCheckpointError(
            f"{path.name} is no sampling state: choose a file that Save Sampling State wrote"
        )
    file.expect(KIND)
    return file.state, file.info
