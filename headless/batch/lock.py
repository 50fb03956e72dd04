"""Keep a second batch out of an output folder for as long as the first one's process lives."""

import os
import sys
from contextlib import suppress
from pathlib import Path
from types import TracebackType

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

FILE = "lock"


class FolderInUse(RuntimeError):  # noqa: N818 (says what is, as KeyboardInterrupt does)
    """Another batch is running in the folder."""


class FolderLock:
    """Locks a file in a folder. The system releases it when the process ends, however it ends.

    Args:
        folder: created if missing.

    Raises:
        FolderInUse: another process holds the lock.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / FILE
        self._handle = self._opened()

    def __enter__(self) -> "FolderLock":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if sys.platform != "win32":  # where open files cannot be removed
            self._path.unlink(missing_ok=True)
        os.close(self._handle)
        if sys.platform == "win32":
            with suppress(OSError):  # another batch has it by now
                self._path.unlink(missing_ok=True)

    def _opened(self) -> int:
        while True:
            handle = os.open(self._path, os.O_CREAT | os.O_RDWR, 0o666)
            try:
                _lock(handle)
            except BlockingIOError:
                os.close(handle)
                raise FolderInUse(
                    f"another batch runs in {self._path.parent.parent}: wait for it to end, or use "
                    "another output folder (-o)"
                ) from None
            if sys.platform == "win32" or os.fstat(handle).st_nlink > 0:
                return handle
            os.close(handle)  # its last holder has removed it in the meantime


def _lock(handle: int) -> None:
    """Lock an open file; raise BlockingIOError if another process has it locked."""
    if sys.platform == "win32":
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError as error:
            raise BlockingIOError from error
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:  # a file system without locks, where nothing can keep others out
        return
