"""Name the files of a job: `{Prompt.text}_{Noise.seed}`, valid on every system."""

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from ....media import printable, shown
from ....media.names import is_reserved
from .problems import BatchError

LONGEST_PART = 100
"""Maximum bytes of a folder's or file's name, before a number and a suffix."""

GRAPH, NUMBER, ROW = "graph", "number", "name"
"""Template fields: the graph's file, the job's number within its graph, its name in a table."""

USUAL = f"{{{GRAPH}}}_{{{NUMBER}}}"

_FIELD = re.compile(r"\{([^{}]+)\}")
_UNSAFE = re.compile(r'[<>:"|?*\\/\s]+')


def fields_of(template: str) -> list[str]:
    """Return the fields of a template, each once.

    Raises:
        BatchError: a brace is unmatched, or the path leads out of the output folder.
    """
    if re.search(r"[{}]", _FIELD.sub("", template)):
        raise BatchError([f'--name "{shown(template)}": a brace is missing; write {{Node.input}}'])
    parts = template.replace("\\", "/").split("/")
    if ".." in parts or parts[0].endswith(":") or not all(parts):
        raise BatchError(
            [
                f'--name "{shown(template)}": name files within the output folder, without "..", '
                'a drive, a "/" at either end or "//"'
            ]
        )
    return list(dict.fromkeys(_FIELD.findall(template)))


def filled(template: str, value_of: Callable[[str], str]) -> str:
    """Fill in the fields of a template; only its own slashes create folders."""
    parts = template.replace("\\", "/").split("/")
    return "/".join(
        safe_name(_FIELD.sub(lambda found: _plain(value_of(found[1])), part)) for part in parts
    )


def safe_name(text: str) -> str:
    """Return a text as a file or folder name for any system, of at most `LONGEST_PART` bytes."""
    name = _plain(text).encode()[:LONGEST_PART].decode(errors="ignore").strip(" ._")
    if not name:
        return "_"
    return f"_{name}" if is_reserved(name) else name


def _plain(text: str) -> str:
    """Return a text as one line, without characters that systems reserve."""
    composed = unicodedata.normalize("NFC", printable(text, keep="\n\t"))
    return _UNSAFE.sub("_", composed)


@dataclass
class UniqueNames:
    """Makes names unique: equal ones, ignoring case, are numbered from the second on."""

    _taken: set[str] = field(default_factory=set)
    _counts: dict[str, int] = field(default_factory=dict)

    def of(self, name: str) -> str:
        """Return the name, or the next numbered one that is free."""
        free = next(each for each in self._numbered(name) if each.casefold() not in self._taken)
        self._taken.add(free.casefold())
        return free

    def _numbered(self, name: str) -> Iterator[str]:
        while True:
            count = self._counts[name.casefold()] = self._counts.get(name.casefold(), 0) + 1
            yield name if count == 1 else f"{name}_{count}"
