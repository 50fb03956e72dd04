"""Folders in which the standalone host's nodes read and write files."""

import mimetypes
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from ...graph.sockets import FolderType
from ...media import (
    MediaError,
    check_room,
    files_below,
    plain_path,
    probe_image,
    probe_video,
    shown,
)
from ...media.clip import CHUNK
from ...media.names import choose_among

LONGEST_PATH = 4000
"""In characters; no system opens a file with a longer path."""

_BYTES_PER_PIXEL = 12


def _probe_video(path: Path) -> None:
    """Read a video's header, and check that the frames read at a time fit into memory."""
    info = probe_video(path)
    size = CHUNK * info.height * info.width * _BYTES_PER_PIXEL
    check_room(size, f"{path} ({CHUNK} frames of {info.width}x{info.height} at a time)")


_PROBES = {"image": probe_image, "video": _probe_video}


@cache
def own_temp() -> Path:
    """Return this user's own temporary folder; create it if it is missing."""
    user = "" if sys.platform == "win32" else f"-{os.getuid()}"
    folder = Path(tempfile.gettempdir()) / f"spacetime{user}"
    with suppress(OSError):
        folder.mkdir(mode=0o700, exist_ok=True)
    return folder if _is_own(folder) else Path(tempfile.mkdtemp(prefix="spacetime-"))


def _is_own(folder: Path) -> bool:
    """Whether a folder is not a link, belongs to this user, and is inaccessible to others."""
    if not folder.is_dir() or folder.is_symlink():
        return False
    if sys.platform == "win32":  # there, the system's temporary folder is already per user
        return True
    state = folder.stat()
    return state.st_uid == os.getuid() and not state.st_mode & 0o077


def _absolute(folder: Path) -> Path:
    try:
        return folder.expanduser().absolute()
    except RuntimeError as error:
        raise ValueError(f"folder {shown(str(folder))}: this user does not exist") from error


@dataclass(frozen=True)
class Folders:
    """The host's three folders, relative to the working directory unless absolute.

    Attributes:
        input: where LoadImage and LoadVideo find files.
        output: where results are saved.
        temp: where previews are saved.
        metadata: whether saved files carry the prompt and the workflow.
        also: further files that may be loaded, by full path.
        results: where nodes find earlier results; None for the output folder.
    """

    input: Path = Path("input")
    output: Path = Path("output")
    temp: Path = field(default_factory=own_temp)
    metadata: bool = True
    also: frozenset[Path] = frozenset()
    results: Path | None = None

    @property
    def found_results(self) -> Path:
        """Where nodes find files marked as results."""
        return self.results or self.output

    @classmethod
    def of(
        cls,
        *,
        input: str | Path = "input",
        output: str | Path = "output",
        temp: str | Path | None = None,
        metadata: bool = True,
    ) -> "Folders":
        """Return folders as absolute paths, which hold if the working directory changes."""
        chosen = (input, output, temp or own_temp())
        return cls(*(_absolute(Path(folder)) for folder in chosen), metadata=metadata)

    def names(self, kind: str) -> list[str]:
        """Return the names of the input folder's files of a kind, "image" or "video"."""
        files = files_below(self.input, depth=1)
        return sorted(path.name for path in files if kind_of(path.name) == kind)

    def find(self, name: str, kind: str) -> Path:
        """Return the path of a file that a workflow names.

        Args:
            name: a file in the input folder, or in the folder that it names at its end:
                " [output]", " [temp]" or " [input]".
            kind: "image" or "video", for the message.

        Raises:
            FileNotFoundError: there is no such file; the message names some that exist.
        """
        if len(name) > LONGEST_PATH:
            raise FileNotFoundError(
                f"{kind} file {shown(name)!r} has a name of {len(name)} characters: use at most "
                f"{LONGEST_PATH}"
            )
        bare, folder = self._split(name)
        root = plain_path(folder)
        if self.also and plain_path(name) in self.also:
            return plain_path(name)
        path = plain_path(folder / bare)
        if not os.path.lexists(path):  # the graph may come from Windows
            path = plain_path(folder / bare.replace("\\", "/"))
        if not path.is_relative_to(root):
            raise FileNotFoundError(f"{kind} file {name!r} lies outside {root}: copy it there")
        if "\0" in name or not os.path.isfile(path):  # noqa: PTH113 (never raises)
            there = choose_among(self.names(kind), name)
            raise FileNotFoundError(f"{kind} file {shown(name)!r} is not in {root}: {there}")
        return path

    def _split(self, name: str) -> tuple[str, Path]:
        for folder in FolderType:
            if name.endswith(mark := f"[{folder.value}]"):
                bare, is_result = name.removesuffix(mark).rstrip(), folder is FolderType.output
                return bare, self.found_results if is_result else getattr(self, folder.value)
        return name, self.input


_folders: ContextVar[Folders | None] = ContextVar("folders", default=None)


def folders() -> Folders:
    """Return the folders of the current run: those set by `use_folders`, else the defaults."""
    return _folders.get() or Folders()


@contextmanager
def use_folders(chosen: Folders) -> Iterator[Folders]:
    """Make nodes use these folders within a block."""
    token = _folders.set(chosen)
    try:
        yield chosen
    finally:
        _folders.reset(token)


def found(name: str | None, kind: str) -> bool | str:
    """Return True if a workflow's file can be read (or comes over a link), else why not."""
    if name is None:
        return True
    try:
        _PROBES[kind](folders().find(name, kind))
    except (FileNotFoundError, MediaError) as error:
        return str(error)
    return True


def kind_of(name: str) -> str:
    """Guess a file's kind from its name: image, video, audio, text or the like."""
    if name.lower().endswith(".mkv"):  # not in the table of every system
        return "video"
    guessed, _ = mimetypes.guess_type(name, strict=False)
    return (guessed or "").split("/")[0]
