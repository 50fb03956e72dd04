"""Store finished chunks of a long video as files, so that an interrupted run can resume."""

import hashlib
import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from torch import Tensor

from ...hosts import host
from ...model_loaders.files import read_file, write_file
from ...model_loaders.keys import UnsupportedCheckpointError
from ...timeline.chunks import CHUNKS_FOLDER

MOST_RUNS = 8
"""Number of runs to keep; older ones are removed."""

_DIGITS = 16
_RUN = re.compile(rf"[0-9a-f]{{{_DIGITS}}}")


class ChunkFiles:
    """The chunks of one run, in their own folder.

    Args:
        known: values that distinguish the run from all others.
    """

    def __init__(self, known: Iterable[object]) -> None:
        digest = hashlib.sha256()
        for each in known:
            digest.update(_bytes(each))
        self.folder = host().files.output_folder() / CHUNKS_FOLDER / digest.hexdigest()[:_DIGITS]

    def read(self, number: int) -> Tensor | None:
        """Read a finished chunk (B, C, f, h, w); None if it is missing or damaged."""
        path = self._path(number)
        if not path.is_file():
            return None
        try:
            return read_file(path).state["samples"]
        except (UnsupportedCheckpointError, KeyError):
            return None

    def write(self, number: int, samples: Tensor) -> None:
        """Save a finished chunk."""
        if not self.folder.is_dir():
            self._make_room()
        write_file(self._path(number), {"samples": samples})

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:05d}.safetensors"

    def _make_room(self) -> None:
        if not self.folder.parent.is_dir():
            return
        runs = [each for each in self.folder.parent.iterdir() if _RUN.fullmatch(each.name)]
        runs.sort(key=lambda each: each.stat().st_mtime, reverse=True)
        for run in runs[MOST_RUNS - 1 :]:
            shutil.rmtree(run, ignore_errors=True)


def _bytes(value: object) -> Any:
    """The bytes of a value; those of a CPU tensor are not copied."""
    if isinstance(value, Tensor):
        return value.detach().float().cpu().contiguous().flatten().numpy()
    return repr(value).encode()
