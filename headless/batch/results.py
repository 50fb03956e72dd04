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
"""A name as saving nodes give it; what is behind the number is kept."""


def digest_of(path: Path) -> str:
    """The sha256 of a file."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def holds(path: Path, sha256: str) -> bool:
    """Whether a file is there with that content."""
    return path.is_file() and digest_of(path) == sha256


def settled(folder: Path, saved: str) -> tuple[str, int]:
    """The sha256 and the bytes of a file that a job has saved, which is then on the disk.

    Raises:
        FileNotFoundError: it is not there, nobody may read it, or it lies outside of the job's
            folder.
    """
    path = folder / saved
    if not path.resolve().is_relative_to(folder.resolve()) or not path.is_file():
        raise FileNotFoundError(f"the job has saved no file {saved!r} in {folder}")
    try:
        _settle(path)
        return digest_of(path), path.stat().st_size
    except PermissionError as problem:
        raise FileNotFoundError(
            f"the job has saved {saved!r} so that it cannot be read ({problem}): see to the rights "
            "that its node gives to files"
        ) from problem


def _settle(path: Path) -> None:
    try:
        with path.open("rb+") as file:
            os.fsync(file.fileno())
    except PermissionError:  # saved so that nobody changes it
        with path.open("rb") as file, suppress(OSError):  # Windows needs the right to write
            os.fsync(file.fileno())


def suffix_of(saved: str) -> str:
    """What a file's name ends in: ``.mp4`` of ``clip_00001_.mp4``."""
    name = PurePosixPath(saved).name
    numbered = _NUMBERED.fullmatch(name)
    return numbered[1] if numbered else PurePosixPath(name).suffix


class Names:
    """Names of results below the output folder, none of them used twice.

    Args:
        output: the folder.
        promised: names that are given already.
    """

    def __init__(self, output: Path, promised: Iterable[str]) -> None:
        self._output, self._promised = output, set(promised)

    def choose(self, name: str, saved: Iterable[str], before: Iterable[SavedFile]) -> list[str]:
        """Names for the files of a job.

        Args:
            name: that they begin with.
            saved: what they are called in its folder.
            before: its files of another time; where they are alike, their names stay.
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
    """Move a job's files to their names, and yield where others were put that had these names.

    Moving them again, after a kill at any moment, ends with the same files.

    Args:
        files: as they are recorded.
        folder: of the job.
        output: where they go.
        aside: folder for files of these names with another content, which are never overwritten.

    Raises:
        FileExistsError: another program has taken a name this very moment.
    """
    for file in files:
        source, target = folder / file.saved, output / file.name
        if not holds(target, file.sha256):
            if target.is_file() and not target.stat().st_size:
                target.unlink()  # a name that was taken, on a file system without hard links
            elif os.path.lexists(target):
                yield _put_aside(target, aside)
            target.parent.mkdir(parents=True, exist_ok=True)
            if not move_to_new(source, target):
                raise FileExistsError(f"{target} was taken meanwhile: run again with --resume")
        source.unlink(missing_ok=True)


def _put_aside(path: Path, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number in count(1):
        place = folder / f"{number}_{path.name}"
        if not os.path.lexists(place):
            return path.rename(place)
    raise AssertionError("numbers do not end")


def can_move(files: Iterable[SavedFile], folder: Path, output: Path) -> bool:
    """Whether all files of a job are there, in its folder or at their names."""
    return all(
        holds(output / file.name, file.sha256) or holds(folder / file.saved, file.sha256)
        for file in files
    )


def emptied(folder: Path) -> Path:
    """A job's folder, made or emptied; chunks of a long video stay, which are taken up again."""
    folder.mkdir(parents=True, exist_ok=True)
    for entry in folder.iterdir():
        if entry.name == CHUNKS_FOLDER:
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    return folder
