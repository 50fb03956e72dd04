"""Measure free memory, so that clips that cannot fit are rejected early."""

import os
from pathlib import Path

from .errors import NoRoomError

_MEMINFO = Path("/proc/meminfo")
_GROUP = Path("/sys/fs/cgroup")
_KILO, _GIGA = 1024, 1e9


def check_room(size: float, what: str) -> None:
    """Reject an allocation that needs more memory than is free.

    Args:
        size: in bytes.
        what: its name in the message.

    Raises:
        NoRoomError: it does not fit.
    """
    free = free_memory()
    if free is not None and size > free:
        raise NoRoomError(
            f"{what} needs {size / _GIGA:.1f} GB of memory, {free / _GIGA:.1f} GB are free: use a "
            "smaller or shorter one"
        )


def free_memory() -> int | None:
    """Return the number of bytes that this process can still allocate, or None if unknown."""
    known = [each for each in (_free_of_machine(), _free_of_group()) if each is not None]
    return min(known, default=None)


def whole_memory() -> int | None:
    """Return the number of bytes that this process could ever have, or None if unknown."""
    known = [each for each in (_whole_machine(), _limit_of_group()) if each is not None]
    return min(known, default=None)


def _free_of_machine() -> int | None:
    try:
        lines = _MEMINFO.read_text().splitlines()
        (line,) = (line for line in lines if line.startswith("MemAvailable:"))
        return int(line.split()[1]) * _KILO
    except (OSError, ValueError):
        return _whole_machine()


def _whole_machine() -> int | None:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None


def _free_of_group() -> int | None:
    """Memory left below a container's limit."""
    limit = _limit_of_group()
    try:
        used = int((_GROUP / "memory.current").read_text())
    except (OSError, ValueError):
        return None
    return None if limit is None else max(0, limit - used)


def _limit_of_group() -> int | None:
    try:
        return int((_GROUP / "memory.max").read_text())
    except (OSError, ValueError):  # no limit, or no group
        return None
