"""Checking files before they are read and replacing them whole when they are written."""

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


def remove_unfinished(folder: Path) -> None:
    """Remove what killed processes of the pack did not finish in a folder."""
    found = [path for path in folder.iterdir() if _UNFINISHED.fullmatch(path.name)]
    remove_abandoned(found, companion=_FOLDER)


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary name beside `path`, which takes its place when the block succeeds.

    If the block fails or is interrupted the temporary file is removed and `path` stays as it was;
    what a killed process left behind in the folder is removed by the next one.

    Raises:
        MediaError: something that is not a file is in the place, such as a folder or a device.
    """
    target = Path(path)
    if target.exists() and not target.is_file():
        raise MediaError(f"{target} is not a file, and is not replaced by one: use another name")
    target.parent.mkdir(parents=True, exist_ok=True)
    remove_unfinished(target.parent)
    unfinished = _hold_unfinished(target)
    if sys.platform == "win32":  # no open file can be renamed there
        unfinished.let_go()
    try:
        yield unfinished.path
        unfinished.path.replace(target)
    finally:
        unfinished.remove()


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Give a temporary folder beside `path`, which becomes it when the block succeeds.

    If the block fails or is interrupted it is removed; what a killed process left behind is removed
    by the next one.
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
    """Give a file another name of the same folder, unless something has that name.

    Returns:
        Whether the name was free.
    """
    try:
        os.link(source, path)
    except FileExistsError:
        return False
    except OSError:  # a file system without hard links
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
