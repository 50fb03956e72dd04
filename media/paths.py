"""Name and reserve the files that nodes save."""

import itertools
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from .files import move_to_new, remove_unfinished
from .held import HeldFile, remove_abandoned
from .names import is_reserved
from .text import is_printable, shown

# File systems allow 255 bytes; a number, a suffix and a mark for unfinished files are appended.
LONGEST_NAME = 200
MOST_FOLDERS = 32

_PROOF = b"\0" * 4096
_CLAIM, _PART = ".claim", ".part"
_CLAIMS = re.compile(r"\..+_[0-9]{5,}_\.claim")


def plain_path(path: str | os.PathLike[str]) -> Path:
    """Return an absolute path without "..", without following links."""
    return Path(os.path.normpath(Path(path).absolute()))


def is_whole_path(text: str) -> bool:
    """Whether a text is the absolute path of an existing file."""
    try:
        return Path(text).is_absolute() and Path(text).is_file()
    except (OSError, ValueError):  # not a path at all, such as a long text
        return False


def output_target(folder: str | os.PathLike[str], prefix: str) -> Path:
    """Resolve a prefix to the files' folder and the beginning of their names.

    Control characters become underscores, as do dots and spaces at the end of a folder's name; an
    underscore is put before names that Windows reserves for devices.

    Raises:
        ValueError: the prefix leads out of `folder`, names no file, is too long, or leads through a
            file.
    """
    root = plain_path(folder)
    name = f"file name prefix {shown(prefix)!r}"
    target = plain_path(root / _file_name(prefix))
    if "\0" in prefix or not target.is_relative_to(root):
        raise ValueError(
            f"{name} leads out of {root}: use a name without '..', a drive or a leading '/'"
        )
    if target == root:
        raise ValueError(f"{name} names no file: use for example 'video/clip'")
    parts = target.relative_to(root).parts
    if (length := max(len(os.fsencode(part)) for part in parts)) > LONGEST_NAME:
        raise ValueError(f"{name} has a name of {length} bytes: use at most {LONGEST_NAME}")
    if len(parts) > MOST_FOLDERS:
        raise ValueError(f"{name} has {len(parts)} folders: use at most {MOST_FOLDERS}")
    try:
        there = next(place for place in target.parents if place.exists())
    except OSError as error:
        raise ValueError(f"{name} cannot be used: {error.strerror}; use another") from error
    if not there.is_dir():
        raise ValueError(f"{name}: {there} is not a folder")
    return target


def _file_name(prefix: str) -> str:
    name = "".join(letter if is_printable(letter) else "_" for letter in prefix)
    *folders, last = name.replace("\\", "/").split("/")
    number = "_"  # follows the last part
    return "/".join([*map(_usable, folders), _usable(last + number).removesuffix(number)])


def _usable(part: str) -> str:
    """Make a file or folder name valid on Windows too, so that folders can be shared."""
    if part in ("", ".", ".."):
        return part
    ends = len(part) - len(part.rstrip(" ."))
    part = part[: len(part) - ends] + "_" * ends
    return f"_{part}" if is_reserved(part) else part


def prove_output(folder: str | os.PathLike[str], prefix: str) -> None:
    """Check that files with a prefix can be saved, by saving one and removing it again.

    Raises:
        ValueError: they cannot be saved.
    """
    target = output_target(folder, prefix)
    try:
        prove_writable(target.parent)
    except OSError as error:
        raise ValueError(f"file name prefix {shown(prefix)!r}: {error}; use another") from error


def prove_writable(folder: Path) -> None:
    """Create a folder and write a file into it, then remove everything that was new.

    Raises:
        OSError: the folder or the file cannot be written.
    """
    new = [place for place in (folder, *folder.parents) if not os.path.lexists(place)]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write_proof(folder)
    except (FileExistsError, NotADirectoryError) as error:
        raise NotADirectoryError(
            f"cannot save into {folder}: {_in_the_way(folder)} is not a folder"
        ) from error
    except OSError as error:
        raise OSError(f"cannot save into {shown(str(folder))}: {error.strerror}") from error
    finally:
        for place in new:
            _remove_if_empty(place)


def _in_the_way(folder: Path) -> Path:
    there = (place for place in (folder, *folder.parents) if os.path.lexists(place))
    return next(place for place in there if not place.is_dir())


def _write_proof(folder: Path) -> None:
    proof = HeldFile(folder / f".proof_{os.getpid()}_{threading.get_ident():05}_{_CLAIM}")
    try:
        proof.path.write_bytes(_PROOF)
    finally:
        proof.remove()


def _remove_if_empty(folder: Path) -> None:
    with suppress(OSError):  # another process already uses it, or it was never created
        folder.rmdir()


@dataclass
class OutputFile:
    """A file that is being written.

    Attributes:
        unfinished: the hidden file to write to.
        path: the final name when the block ends, which may differ from the name before.
        number: the number in that name.
    """

    unfinished: Path
    path: Path
    number: int


@contextmanager
def claimed_output(
    folder: str | os.PathLike[str], prefix: str, suffix: str, *, after: int = 0
) -> Iterator[OutputFile]:
    """Save a file as `<folder>/<prefix>_00001_<suffix>` with the next free number.

    The number is one above the highest number in use or claimed for that prefix, whatever the
    suffix. A hidden file `.<name>.claim` reserves it against every other process of the pack until
    the block ends; leftovers of a killed process are removed by the next one. If another program
    has taken the name by then, its file stays and the next number is used. The folder is created if
    needed. Links inside `folder` are followed: whoever created them chose their targets.

    Args:
        folder: contains all results.
        prefix: the beginning of the name; may include subfolders ("video/ComfyUI").
        suffix: e.g. ".mp4".
        after: number of the file saved last with this prefix, 0 for none. The next number is then
            used without scanning the folder, which gets slower with each file.

    Raises:
        ValueError: the prefix cannot be used, see `output_target`.
    """
    target = output_target(folder, prefix)
    claim, number = _claim(target, suffix, after)
    unfinished = claim.path.with_suffix(_PART)
    file = OutputFile(unfinished, _numbered(target, number, suffix), number)
    try:
        yield file
        while unfinished.exists() and not move_to_new(unfinished, file.path):
            file.number = _next_number(target)
            file.path = _numbered(target, file.number, suffix)
    finally:
        unfinished.unlink(missing_ok=True)
        claim.remove()


def _claim(target: Path, suffix: str, after: int) -> tuple[HeldFile, int]:
    target.parent.mkdir(parents=True, exist_ok=True)
    if not after:
        claims = [path for path in target.parent.iterdir() if _CLAIMS.fullmatch(path.name)]
        remove_abandoned(claims, companion=_PART)
        remove_unfinished(target.parent)
    for number in itertools.count(after + 1 if after else _next_number(target)):
        try:
            claim = HeldFile(target.with_name(f".{target.name}_{number:05}_{_CLAIM}"))
        except FileExistsError:
            continue
        except FileNotFoundError:  # another process has checked the folder and removed it again
            target.parent.mkdir(parents=True, exist_ok=True)
            continue
        # another process may have saved the file and released its claim in the meantime
        if not os.path.lexists(_numbered(target, number, suffix)):
            return claim, number
        claim.remove()
    raise AssertionError("numbers do not end")


def _numbered(target: Path, number: int, suffix: str) -> Path:
    return target.with_name(f"{target.name}_{number:05}_{suffix}")


def _next_number(target: Path) -> int:
    numbered = re.compile(r"\.?" + re.escape(os.path.normcase(target.name)) + r"_(\d+)_")
    names = (os.path.normcase(entry.name) for entry in target.parent.iterdir())
    used = [int(match[1]) for name in names if (match := numbered.match(name))]
    return max(used, default=0) + 1
