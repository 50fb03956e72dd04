"""What the files of a job are called: `{Prompt.text}_{Noise.seed}`, made fit for every system."""

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from ....media import printable, shown
from ....media.names import is_reserved
from .problems import BatchError

LONGEST_PART = 100
"""Bytes of a folder's or file's name; a number and a suffix come behind."""

GRAPH, NUMBER, ROW = "graph", "number", "name"
"""In a template: the graph's file, the job's number among its graph's, its name in a table."""

USUAL = f"{{{GRAPH}}}_{{{NUMBER}}}"

_FIELD = re.compile(r"\{([^{}]+)\}")
_UNSAFE = re.compile(r'[<>:"|?*\\/\s]+')


def fields_of(template: str) -> list[str]:
    """The fields of a template, each once.

    Raises:
        BatchError: a brace of it has no other, or the path leads out of the output folder.
    """
    if re.search(r"[{}]", _FIELD.sub("", template)):
        raise BatchError([f'--name "{shown(template)}": a brace is missing; write {{Node.input}}'])
    parts = template.replace("\\", "/").split("/")
    if ".." in parts or parts[0].endswith(":") or not all(parts):
        raise BatchError(
            [
                f'--name "{shown(template)}": name files within the output folder, without "..", '
                'a drive or a "/" at an end'
            ]
        )
    return list(dict.fromkeys(_FIELD.findall(template)))


def filled(template: str, value_of: Callable[[str], str]) -> str:
    """A template with its fields' values; only its own slashes make folders."""
    parts = template.replace("\\", "/").split("/")
    return "/".join(
        safe_name(_FIELD.sub(lambda found: _plain(value_of(found[1])), part)) for part in parts
    )


def safe_name(text: str) -> str:
    """A text as the name of one file or folder on any system, of `LONGEST_PART` bytes at most."""
    name = _plain(text).encode()[:LONGEST_PART].decode(errors="ignore").strip(" ._")
    if not name:
        return "_"
    return f"_{name}" if is_reserved(name) else name


def _plain(text: str) -> str:
    """A text in one line without what systems keep for themselves."""
    composed = unicodedata.normalize("NFC", printable(text, keep="\n\t"))
    return _UNSAFE.sub("_", composed)


@dataclass
class UniqueNames:
    """Gives every name once: equal ones, in any case, are numbered from the second on."""

    _taken: set[str] = field(default_factory=set)
    _counts: dict[str, int] = field(default_factory=dict)

    def of(self, name: str) -> str:
        """The name, or the next one that is free."""
        free = next(each for each in self._numbered(name) if each.casefold() not in self._taken)
        self._taken.add(free.casefold())
        return free

    def _numbered(self, name: str) -> Iterator[str]:
        while True:
            count = self._counts[name.casefold()] = self._counts.get(name.casefold(), 0) + 1
            yield name if count == 1 else f"{name}_{count}"
