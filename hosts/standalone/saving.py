"""Shared by all saving nodes: a file's name, its metadata, and its description for the host."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ...graph.schema import HiddenHolder
from ...graph.sockets import FolderType
from ...media import OutputFile, claimed_output, plain_path, prove_output
from ..tags import as_json
from .folders import folders
from .ui import SavedResult

_DATE_CODES = {
    "year": "%Y", "month": "%m", "day": "%d", "hour": "%H", "minute": "%M", "second": "%S"
}  # fmt: skip


def usable_prefix(kind: FolderType, prefix: str | None) -> bool | str:
    """Return True if a prefix is usable (or comes over a link), else why not."""
    if prefix is None:
        return True
    try:
        prove_output(getattr(folders(), kind.value), _filled_in(prefix, width="0", height="0"))
    except ValueError as error:
        return str(error)
    return True


@contextmanager
def numbered_output(
    kind: FolderType, prefix: str, suffix: str, *, width: int, height: int, after: int = 0
) -> Iterator[OutputFile]:
    """Save a file under the next free name in one of the host's folders, see `claimed_output`.

    `%width%`, `%height%`, `%year%`, `%month%`, `%day%`, `%hour%`, `%minute%` and `%second%` in the
    prefix are replaced as in ComfyUI.

    Raises:
        ValueError: the prefix leads outside the folder or names no file.
    """
    filled = _filled_in(prefix, width=str(width), height=str(height))
    with claimed_output(getattr(folders(), kind.value), filled, suffix, after=after) as file:
        yield file


def _filled_in(prefix: str, **sizes: str) -> str:
    dates = {name: time.strftime(code) for name, code in _DATE_CODES.items()}
    for name, value in {**sizes, **dates}.items():
        prefix = prefix.replace(f"%{name}%", value)
    return prefix


def saved_result(path: Path, kind: FolderType) -> SavedResult:
    """Describe a saved file by its name and its subfolder in the host's folder."""
    folder = plain_path(getattr(folders(), kind.value))
    subfolder = path.parent.relative_to(folder).as_posix()
    return SavedResult(path.name, "" if subfolder == "." else subfolder, kind)


def graph_metadata(hidden: HiddenHolder) -> dict[str, str]:
    """Return the tags that restore the graph when a saved file is dropped into the editor.

    Files given by full path appear by name only, so that a shared result does not reveal where its
    creator keeps files.
    """
    if not folders().metadata:
        return {}
    tags: Mapping[str, Any] = dict(hidden.extra_pnginfo or {})
    if hidden.prompt is not None:
        tags = {**tags, "prompt": hidden.prompt}
    return {key: as_json(_without_places(value)) for key, value in tags.items()}


def _without_places(value: Any) -> Any:
    """Replace the full paths of ``Folders.also`` in a JSON value with the files' names."""
    if isinstance(value, Mapping):
        return {key: _without_places(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_without_places(each) for each in value]
    is_named = isinstance(value, str) and Path(value).is_absolute()
    return Path(value).name if is_named and plain_path(value) in folders().also else value
