"""One job per file: `--each "Load Video.file=clips/*.mp4"`."""

from collections.abc import Iterable
from pathlib import Path

from ....graph.assign import split_assignment
from ....hosts.standalone.folders import kind_of
from ....media import plain_path, shown
from .problems import BatchError
from .variations import Axis, Variation

KINDS = frozenset({"image", "video", "audio"})
"""Kinds of files that are taken from a folder if no pattern is given."""


def files_axis(each: str, input_dir: Path) -> Axis:
    """Return a variation for each file of a folder or a pattern, in the order of their names.

    Files are searched for in the input folder first, and there named as in graphs; files elsewhere
    are named by their full path.

    Args:
        each: ``Node.input=pattern``, such as ``clips``, ``clips/*.mp4`` or ``**/*.png``.
        input_dir: folder with the files that graphs load.

    Raises:
        BatchError: there are none.
        WorkflowError: there is no equals sign.
    """
    words, pattern = split_assignment(each)
    told, root = f"--each {shown(words)}", plain_path(input_dir.expanduser())
    found = _files(root, pattern) or _files(plain_path("."), pattern)
    if not found:
        raise BatchError(
            [f"{told}: no file matches {shown(pattern)}, neither in {root} nor in {Path.cwd()}"]
        )
    return [
        Variation(place=f"{told} ({shown(path.name)})", values=((words, _called(path, root)),))
        for path in found
    ]


def _files(root: Path, pattern: str) -> list[Path]:
    """Return the files of a pattern, or a folder's images, videos and sounds; no hidden files."""
    wanted = Path(pattern).expanduser()
    place = root / wanted
    if place.is_file():
        return [plain_path(place)]
    if place.is_dir():
        return [path for path in _seen(place.glob("*")) if kind_of(path.name) in KINDS]
    base = Path(wanted.anchor) if wanted.is_absolute() else root
    return _seen(base.glob(str(wanted.relative_to(wanted.anchor))))


def _seen(paths: Iterable[Path]) -> list[Path]:
    """Return files sorted by name, without hidden ones."""
    return sorted(
        plain_path(path) for path in paths if path.is_file() and not path.name.startswith(".")
    )


def _called(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
