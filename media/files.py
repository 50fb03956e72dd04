"""Checking files before they are read and replacing them whole when they are written."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import MediaError


def existing_file(path: str | os.PathLike[str], kind: str) -> Path:
    """Return `path` if a non-empty regular file is there.

    Raises:
        MediaError: nothing is there, it is a folder or device, or it is empty.
    """
    file = Path(path)
    if not file.exists():
        raise MediaError(f"{kind} file {file} does not exist")
    if not file.is_file():
        raise MediaError(f"{file} is not a file: a {kind} file was expected")
    if file.stat().st_size == 0:
        raise MediaError(f"{kind} file {file} is empty (0 bytes)")
    return file


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary name beside `path`, which takes its place when the block succeeds.

    If the block fails or is interrupted the temporary file is removed and `path` stays as it was.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        yield unfinished
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
