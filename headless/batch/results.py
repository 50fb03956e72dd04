"""The files of a finished job: hashed, named, and moved out of its folder."""

import os
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from hashlib import file_digest
from itertools import chain, count
from pathlib import Path, PurePosixPath

from ...media.files import move_to_new
from ...timeline.chunks import CHUNKS_FOLDER
from .manifest import SavedFile

_NUMBERED = re.compile(r".*_\d{5,}_?(\.[^/]+)")
"""A name from a saving node; what follows the number is kept."""


def digest_of(path: Path) -> str:
    """Return the sha256 of a file."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def holds(path: Path, sha256: str) -> bool:
    """Whether a file exists and has that content."""
    return path.is_file() and digest_of(path) == sha256


def settled(folder: Path, saved: str) -> tuple[str, int]:
    """Sync a file that a job has saved to the disk; return its sha256 and its size in bytes.

    Raises:
        FileNotFoundError: it is missing, not readable, or outside the job's folder.
    """
    path = folder / saved
    if not path.resolve().is_relative_to(folder.resolve()) or not path.is_file():
        raise FileNotFoundError(f"the job has saved no file {saved!r} in {folder}")
    try:
        _settle(path)
        return digest_of(path), path.stat().st_size
    except PermissionError as problem:
        raise FileNotFoundError(
            f"the job has saved {saved!r}, but it cannot be read ({problem}): check the "
            "permissions that its node gives to files"
        ) from problem


def _settle(path: Path) -> None:
    try:
        with path.open("rb+") as file:
            os.fsync(file.fileno())
    except PermissionError:  # saved as read-only
        with path.open("rb") as file, suppress(OSError):  # Windows needs write permission
            os.fsync(file.fileno())


def suffix_of(saved: str) -> str:
    """Return the suffix of a file's name: ``.mp4`` for ``clip_00001_.mp4``."""
    name = PurePosixPath(saved).name
    numbered = _NUMBERED.fullmatch(name)
    return numbered[1] if numbered else PurePosixPath(name).suffix


class Names:
    """Chooses names for results below the output folder, none of them twice.

    Args:
        output: the folder.
        promised: names that are already assigned.
    """

    def __init__(self, output: Path, promised: Iterable[str]) -> None:
        self._output, self._promised = output, set(promised)

    def choose(self, name: str, saved: Iterable[str], before: Iterable[SavedFile]) -> list[str]:
        """Return names for the files of a job.

        Args:
            name: prefix of the names.
            saved: names in the job's folder.
            before: its files from an earlier run; if they have the same suffixes, their names stay.
        """
        files, earlier = list(saved), [each.name for each in before]
        if [suffix_of(each.saved) for each in before] == [suffix_of(each) for each in files]:
            return earlier
        return [self._free(name, suffix_of(file)) for file in files]

    def _free(self, name: str, suffix: str) -> str:
        numbered = (f"{name}_{number}{suffix}" for number in count(2))
        for candidate in chain([f"{name}{suffix}"], numbered):
            if candidate not in self._promised and not os.path.lexists(self._output / candidate):
                self._promised.add(candidate)
                return candidate
        raise AssertionError("numbers do not end")


def move_results(
    files: Iterable[SavedFile], folder: Path, output: Path, aside: Path
) -> Iterator[Path]:
    """Move a job's files to their names; yield the new places of other files with these names.

    Moving them again, after a kill at any moment, ends with the same files.

    Args:
        files: the files as recorded.
        folder: folder of the job.
        output: where they go.
        aside: folder for files with these names and other content, which are never overwritten.

    Raises:
        FileExistsError: another program has taken a name at this very moment.
    """
    for file in files:
        source, target = folder / file.saved, output / file.name
        if not holds(target, file.sha256):
            if target.is_file() and not target.stat().st_size:
                target.unlink()  # a name that was reserved, on a file system without hard links
            elif os.path.lexists(target):
                yield _put_aside(target, aside)
            target.parent.mkdir(parents=True, exist_ok=True)
            if not move_to_new(source, target):
                raise FileExistsError(
                    f"{target} was taken by another program: run again with --resume"
                )
        source.unlink(missing_ok=True)


def _put_aside(path: Path, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number in count(1):
        place = folder / f"{number}_{path.name}"
        if not os.path.lexists(place):
            return path.rename(place)
    raise AssertionError("numbers do not end")


def can_move(files: Iterable[SavedFile], folder: Path, output: Path) -> bool:
    """Whether all files of a job exist, in its folder or under their final names."""
    return all(
        holds(output / file.name, file.sha256) or holds(folder / file.saved, file.sha256)
        for file in files
    )


def emptied(folder: Path) -> Path:
    """Create or empty a job's folder and return it; chunks of a long video stay, to be resumed."""
    folder.mkdir(parents=True, exist_ok=True)
    for entry in folder.iterdir():
        if entry.name == CHUNKS_FOLDER:
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    return folder
