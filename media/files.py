"""Check files before reading, and replace them atomically when writing."""

import itertools
import os
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import MediaError
from .held import HeldFile, remove_abandoned

_UNFINISHED = re.compile(r"\..+\.[0-9]+(-[0-9]+)?\.part")
_FOLDER = ".unfinished"


def existing_file(path: str | os.PathLike[str], kind: str) -> Path:
    """Return `path` if it is a non-empty regular file.

    Raises:
        MediaError: it does not exist, is a folder or device, or is empty.
    """
    file = Path(path)
    if not file.exists():
        raise MediaError(f"{kind} file {file} does not exist")
    if not file.is_file():
        raise MediaError(f"{file} is not a file: a {kind} file was expected")
    if file.stat().st_size == 0:
        raise MediaError(f"{kind} file {file} is empty (0 bytes)")
    return file


def remove_unfinished(folder: Path) -> None:
    """Remove unfinished files of killed processes from a folder."""
    found = [path for path in folder.iterdir() if _UNFINISHED.fullmatch(path.name)]
    remove_abandoned(found, companion=_FOLDER)


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary file beside `path`, which replaces it when the block succeeds.

    If the block fails or is interrupted, the temporary file is removed and `path` is unchanged.
    Leftovers of killed processes in the folder are removed first.

    Raises:
        MediaError: `path` exists and is not a file, such as a folder or a device.
    """
    target = Path(path)
    if target.exists() and not target.is_file():
        raise MediaError(f"{target} is not a file and cannot be replaced: use another name")
    target.parent.mkdir(parents=True, exist_ok=True)
    remove_unfinished(target.parent)
    unfinished = _hold_unfinished(target)
    if sys.platform == "win32":  # open files cannot be renamed
        unfinished.let_go()
    try:
        yield unfinished.path
        unfinished.path.replace(target)
    finally:
        unfinished.remove()


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder beside `path`, which is renamed to it when the block succeeds.

    If the block fails or is interrupted, it is removed. Leftovers of killed processes are removed
    first.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_unfinished(path.parent)
    holder = _hold_unfinished(path)
    unfinished = holder.path.with_suffix(_FOLDER)
    try:
        unfinished.mkdir()
        yield unfinished
        unfinished.rename(path)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
        holder.remove()


def move_to_new(source: Path, path: Path) -> bool:
    """Rename a file within its folder unless the new name is taken.

    Returns:
        Whether the name was free.
    """
    try:
        os.link(source, path)
    except FileExistsError:
        return False
    except OSError:  # the file system lacks hard links
        return _move_over_new(source, path)
    source.unlink()
    return True


def _move_over_new(source: Path, path: Path) -> bool:
    try:
        path.touch(exist_ok=False)
    except FileExistsError:
        return False
    source.replace(path)
    return True


def _hold_unfinished(target: Path) -> HeldFile:
    for number in itertools.count():
        try:
            return HeldFile(target.with_name(f".{target.name}.{os.getpid()}-{number}.part"))
        except FileExistsError:
            continue
    raise AssertionError("numbers do not end")
