"""Search for files in arbitrary folders, which may hold broken links or be a whole disk."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

MOST_LEVELS = 6
MOST_ENTRIES = 20_000
"""Number of entries examined; a folder with more is not suited for a list."""


def files_below(folder: Path, suffix: str = "", *, depth: int = MOST_LEVELS) -> Iterator[Path]:
    """Yield the files in a folder and its subfolders, those nearest to the top first.

    Skips hidden files, broken links and everything this user cannot access, and does not follow
    links to folders. The search stops early in very large folders.

    Args:
        folder: to search; may be missing.
        suffix: of the names.
        depth: levels of folders, 1 for the folder itself only.
    """
    level, left = [folder], MOST_ENTRIES
    for _ in range(depth):
        entries = [entry for place in level for entry in _entries(place, left)]
        left -= len(entries)
        for entry in entries:
            if entry.name.endswith(suffix) and _is(entry.is_file):
                yield Path(entry.path)
        level = [Path(entry.path) for entry in entries if _is(entry.is_dir, follow_symlinks=False)]
        if left <= 0:
            return


def _entries(folder: Path, most: int) -> list[os.DirEntry[str]]:
    found: list[os.DirEntry[str]] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if len(found) >= most:
                    break
                if not entry.name.startswith("."):
                    found.append(entry)
    except OSError:  # missing, or not accessible to this user
        return found
    return found


def _is(question: Callable[..., bool], **options: bool) -> bool:
    try:
        return question(**options)
    except OSError:
        return False
