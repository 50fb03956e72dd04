"""Where the standalone host's nodes read and write files."""

import mimetypes
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path

from ...media import plain_path
from .sockets import FolderType

NAMES_SHOWN = 10


def _default_temp() -> Path:
    return Path(tempfile.gettempdir()) / "spacetime"


@dataclass(frozen=True)
class Folders:
    """The host's three folders, relative to the working directory unless absolute.

    Attributes:
        input: where LoadImage and LoadVideo find files.
        output: where results are saved.
        temp: where previews are saved.
        metadata: whether saved files carry the prompt and the workflow.
    """

    input: Path = Path("input")
    output: Path = Path("output")
    temp: Path = field(default_factory=_default_temp)
    metadata: bool = True

    @classmethod
    def of(
        cls,
        *,
        input: str | Path = "input",
        output: str | Path = "output",
        temp: str | Path | None = None,
        metadata: bool = True,
    ) -> "Folders":
        """Return folders as absolute paths, so that a changed working directory changes nothing."""
        chosen = (input, output, temp or _default_temp())
        return cls(*(Path(folder).expanduser().absolute() for folder in chosen), metadata=metadata)

    def names(self, kind: str) -> list[str]:
        """Return the names of the input folder's files of a kind, "image" or "video"."""
        if not self.input.is_dir():
            return []
        files = [entry.name for entry in self.input.iterdir() if entry.is_file()]
        return sorted(name for name in files if _kind(name) == kind)

    def find(self, name: str, kind: str) -> Path:
        """Return the place of a file that a workflow names.

        Args:
            name: a file in the input folder, or with " [output]", " [temp]" or " [input]" behind
                it in that folder.
            kind: "image" or "video", for the message.

        Raises:
            FileNotFoundError: it is not there; the message lists what is.
        """
        bare, folder = self._split(name)
        root = plain_path(folder)
        path = plain_path(folder / bare)
        if not path.is_relative_to(root):
            raise FileNotFoundError(f"{kind} file {name!r} lies outside of {root}: copy it there")
        if "\0" in name or not path.is_file():
            raise FileNotFoundError(
                f"{kind} file {name!r} is not in {root}; {_listed(self.names(kind), kind)}"
            )
        return path

    def _split(self, name: str) -> tuple[str, Path]:
        for folder in FolderType:
            if name.endswith(mark := f"[{folder.value}]"):
                return name.removesuffix(mark).rstrip(), getattr(self, folder.value)
        return name, self.input


_folders: ContextVar[Folders | None] = ContextVar("folders", default=None)


def folders() -> Folders:
    """Return the folders of the current run: those of `use_folders`, else the default ones."""
    return _folders.get() or Folders()


@contextmanager
def use_folders(chosen: Folders) -> Iterator[Folders]:
    """Make nodes use these folders for the length of a block."""
    token = _folders.set(chosen)
    try:
        yield chosen
    finally:
        _folders.reset(token)


def found(name: str | None, kind: str) -> bool | str:
    """Return True if a file that a workflow names is there (or comes by a link), else why not."""
    if name is None:
        return True
    try:
        folders().find(name, kind)
    except FileNotFoundError as error:
        return str(error)
    return True


def _kind(name: str) -> str:
    if name.lower().endswith(".mkv"):  # not in the table of every system
        return "video"
    guessed, _ = mimetypes.guess_type(name, strict=False)
    return (guessed or "").split("/")[0]


def _listed(names: list[str], kind: str) -> str:
    if not names:
        return f"there is no {kind} in the input folder: put it there"
    more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    return f"the input folder has: {', '.join(names[:NAMES_SHOWN])}{more}"
