"""Files that a process locks while it works, and removal of those left by killed processes."""

import os
import shutil
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

if sys.platform != "win32":
    import fcntl

_LEFT_ALONE = 60
"""Seconds without a change after which a file counts as abandoned on systems without locks."""


class HeldFile:
    """An empty file, created and locked for as long as this process lives.

    Raises:
        FileExistsError: the file already exists.
        OSError: the file cannot be created.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        handle = _make(path)
        while not _lock(handle):  # removed as abandoned before it was locked
            os.close(handle)
            handle = _make(path)
        self._handle: int | None = handle

    def let_go(self) -> None:
        """Release the file without removing it: other processes may then treat it as abandoned."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def remove(self) -> None:
        """Remove the file, then release it, so that nobody can take the name in between."""
        if sys.platform == "win32":  # open files cannot be removed
            self.let_go()
        self.path.unlink(missing_ok=True)
        self.let_go()


def remove_abandoned(paths: Iterable[Path], companion: str) -> None:
    """Remove the files that no living process holds.

    Args:
        paths: of files that were held.
        companion: suffix of a file or folder beside each file, removed before it.
    """
    for path in paths:
        with suppress(OSError):  # held, another's, or gone
            _remove_unless_held(path, path.with_suffix(companion))


def _make(path: Path) -> int:
    return os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666)


def _lock(handle: int) -> bool:
    """Lock a new file; return False if it has been removed in the meantime."""
    if sys.platform == "win32":
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
    except OSError:  # the file system lacks locks: nothing on it is ever abandoned
        return True
    return os.fstat(handle).st_nlink > 0


def _remove_unless_held(path: Path, companion: Path) -> None:
    handle = _try_to_hold(path)
    try:
        if companion.is_dir() and not companion.is_symlink():
            shutil.rmtree(companion)
        else:
            companion.unlink(missing_ok=True)
        path.unlink()
    finally:
        if handle is not None:
            os.close(handle)


def _try_to_hold(path: Path) -> int | None:
    """Lock a file; raise OSError if it is held, or changed recently on systems without locks."""
    if sys.platform == "win32":
        if time.time() - path.stat().st_mtime < _LEFT_ALONE:
            raise BlockingIOError(f"{path} is in use")
        return None
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise
    return handle
