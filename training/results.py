"""Split a run's weights into files of limited size, and join them."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from safetensors import safe_open
from torch import Tensor

from ..model_loaders.files import write_file

LARGEST = 15 * 2**20
"""Maximum bytes of tensors in a piece, which with its header stays below 16 MiB."""


def in_pieces(path: Path, folder: Path, largest: int = LARGEST) -> list[Path]:
    """Write the tensors of a weights file to a folder, split into as many files as needed.

    Args:
        path: a safetensors file.
        folder: folder for the pieces, which are named like Hugging Face shards.
        largest: maximum bytes of tensors in a piece; a larger tensor gets its own piece.
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
    """Join the pieces of a weights file.

    Args:
        folder: folder of the pieces.
        path: path of the joined file, whose name selects the pieces.

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
