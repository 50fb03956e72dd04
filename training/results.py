"""Weights of a run as files of a limited size, and back."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from safetensors import safe_open
from torch import Tensor

from ..model_loaders.files import write_file

LARGEST = 15 * 2**20
"""Bytes of tensors in a piece: with its header it stays below 16 MiB."""


def in_pieces(path: Path, folder: Path, largest: int = LARGEST) -> list[Path]:
    """Write a weights file's tensors to a folder, as so many files as it takes.

    Args:
        path: a safetensors file.
        folder: for the pieces, which are named as Hugging Face names shards.
        largest: bytes of tensors in one piece; a larger tensor has a piece of its own.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with safe_open(path, framework="pt") as file:
        header = file.metadata()
        state = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    groups = list(_grouped(state, largest))
    written = []
    for number, group in enumerate(groups, start=1):
        name = f"{path.stem}-{number:05d}-of-{len(groups):05d}.safetensors"
        target = path.name if len(groups) == 1 else name
        written.append(write_file(folder / target, group, header))
    return written


def joined(folder: Path, path: Path) -> None:
    """Put the pieces of a weights file in a folder together.

    Args:
        folder: of the pieces.
        path: of the whole file, whose name says which pieces.

    Raises:
        FileNotFoundError: a piece is missing.
    """
    pieces = sorted(folder.glob(f"{path.stem}-?????-of-?????.safetensors"))
    pieces = pieces or sorted(folder.glob(path.name))
    wanted = int(pieces[0].stem[-5:]) if pieces and len(pieces[0].stem) > len(path.stem) else 1
    if len(pieces) != wanted:
        raise FileNotFoundError(f"{len(pieces)} of {wanted} pieces of {path.name} in {folder}")
    state: dict[str, Tensor] = {}
    header: dict[str, str] = {}
    for piece in pieces:
        with safe_open(piece, framework="pt") as file:
            header = file.metadata()
            state |= {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    write_file(path, state, header)


def _grouped(state: Mapping[str, Tensor], largest: int) -> Iterator[dict[str, Tensor]]:
    group: dict[str, Tensor] = {}
    size = 0
    for key, tensor in state.items():
        if group and size + tensor.nbytes > largest:
            yield group
            group, size = {}, 0
        group[key], size = tensor, size + tensor.nbytes
    if group:
        yield group
