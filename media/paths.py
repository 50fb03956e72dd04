"""Names for the files that nodes save."""

import os
import re
from pathlib import Path


def plain_path(path: str | os.PathLike[str]) -> Path:
    """Return a path absolute and without "..", its links not followed."""
    return Path(os.path.normpath(Path(path).absolute()))


def next_output_path(folder: str | os.PathLike[str], prefix: str, suffix: str) -> Path:
    """Return the next free numbered name `<folder>/<prefix>_00001_<suffix>`; make its folder.

    The number is one above the highest in use after that prefix, whatever the suffix. Links that
    lie in `folder` are followed: whoever made them chose where they lead.

    Args:
        folder: all results lie inside.
        prefix: the beginning of the name; may name subfolders ("video/ComfyUI").
        suffix: e.g. ".mp4".

    Raises:
        ValueError: the prefix leads out of `folder` or names no file.
    """
    root = plain_path(folder)
    target = plain_path(root / prefix.replace("\\", "/"))
    if "\0" in prefix or not target.is_relative_to(root):
        raise ValueError(
            f"file name prefix {prefix!r} leads out of {root}: use a name without '..', "
            "a drive or a leading '/'"
        )
    if target == root:
        raise ValueError(f"file name prefix {prefix!r} names no file: use for example 'video/clip'")
    target.parent.mkdir(parents=True, exist_ok=True)
    return target.parent / f"{target.name}_{_next_number(target):05}_{suffix}"


def _next_number(target: Path) -> int:
    numbered = re.compile(re.escape(os.path.normcase(target.name)) + r"_(\d+)_")
    names = (os.path.normcase(entry.name) for entry in target.parent.iterdir())
    used = [int(match[1]) for name in names if (match := numbered.match(name))]
    return max(used, default=0) + 1
