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
    path: Path, tensors: Mapping[str, Tensor], info: Mapping[str, Any]
) -> None:
    """Write tensors bit for bit, with ``info`` as JSON in the metadata.

    Args:
        path: of the file; it appears when it is complete.
        tensors: by name.
        info: JSON values.
    """
    part = path.with_name(f".{path.name}.part")
    stored = {name: tensor.cpu().contiguous() for name, tensor in tensors.items()}
    save_file(stored, part, metadata={METADATA_KEY: json.dumps({**info, "kind": KIND})})
    part.replace(path)


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
