"""Names for the files that nodes save."""

import itertools
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# File systems hold 255 bytes; a number, a suffix and a mark of unfinished files come behind.
LONGEST_NAME = 200


def plain_path(path: str | os.PathLike[str]) -> Path:
    """Return a path absolute and without "..", its links not followed."""
    return Path(os.path.normpath(Path(path).absolute()))


def output_target(folder: str | os.PathLike[str], prefix: str) -> Path:
    """Return where a prefix leads: the folder of the files and the beginning of their names.

    Raises:
        ValueError: the prefix leads out of `folder`, names no file or too long a one, or leads
            through a file.
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
    parts = target.relative_to(root).parts
    if (length := max(len(os.fsencode(part)) for part in parts)) > LONGEST_NAME:
        raise ValueError(
            f"file name prefix {prefix[:40]!r}… has a name of {length} bytes: "
            f"use at most {LONGEST_NAME}"
        )
    there = next(place for place in target.parents if place.exists())
    if not there.is_dir():
        raise ValueError(f"file name prefix {prefix!r}: {there} is a file, not a folder")
    return target


@contextmanager
def claimed_output_path(folder: str | os.PathLike[str], prefix: str, suffix: str) -> Iterator[Path]:
    """Give the next free name `<folder>/<prefix>_00001_<suffix>`; make its folder.

    The number is one above the highest in use or claimed after that prefix, whatever the suffix.
    A hidden file `.<name>.claim` keeps it from every other process until the block ends; one that
    a killed process left behind only skips that number. Links that lie in `folder` are followed:
    whoever made them chose where they lead.

    Args:
        folder: all results lie inside.
        prefix: the beginning of the name; may name subfolders ("video/ComfyUI").
        suffix: e.g. ".mp4".

    Raises:
        ValueError: the prefix cannot be used, see `output_target`.
    """
    path, claim = _claim(folder, prefix, suffix)
    try:
        yield path
    finally:
        claim.unlink(missing_ok=True)


def _claim(folder: str | os.PathLike[str], prefix: str, suffix: str) -> tuple[Path, Path]:
    target = output_target(folder, prefix)
    target.parent.mkdir(parents=True, exist_ok=True)
    for number in itertools.count(_next_number(target)):
        name = f"{target.name}_{number:05}_"
        path, claim = target.with_name(f"{name}{suffix}"), target.with_name(f".{name}.claim")
        try:
            claim.touch(exist_ok=False)
        except FileExistsError:
            continue
        if not path.exists():  # another process may have saved it and dropped its claim meanwhile
            return path, claim
        claim.unlink()
    raise AssertionError("numbers do not end")


def _next_number(target: Path) -> int:
    numbered = re.compile(r"\.?" + re.escape(os.path.normcase(target.name)) + r"_(\d+)_")
    names = (os.path.normcase(entry.name) for entry in target.parent.iterdir())
    used = [int(match[1]) for name in names if (match := numbered.match(name))]
    return max(used, default=0) + 1
