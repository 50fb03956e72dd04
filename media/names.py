"""File names: matched as people write them, and listed in messages."""

import re
from collections.abc import Callable, Sequence
from difflib import get_close_matches

HANDFUL = 5
"""Number of names that a message spells out."""

_MOST_COMPARED, _LONGEST = 1000, 100

_RESERVED = re.compile(
    r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[\d¹²³])\s*(\..*)?", re.IGNORECASE | re.DOTALL
)


def is_reserved(name: str) -> bool:
    """Whether Windows reserves a name for a device, whatever its suffix."""
    return _RESERVED.fullmatch(name) is not None


def same_name(name: str, names: Sequence[str]) -> str | None:
    """Return the name that differs at most in slashes, else the only one that differs in case."""
    return _only(name, names, lambda each: each.replace("\\", "/"))


def moved_name(name: str, names: Sequence[str]) -> str | None:
    """Return the result of `same_name`, else the only file of that name in another folder.

    Args:
        name: from any graph, perhaps with the folders of another machine.
        names: of the files on this machine.
    """
    return same_name(name, names) or _only(name, names, _file)


def _only(name: str, names: Sequence[str], part: Callable[[str], str]) -> str | None:
    """The name with an equal part, else the only one whose part differs in case."""
    equal = [each for each in names if part(each) == part(name)]
    alike = [each for each in names if part(each).lower() == part(name).lower()]
    found = equal or alike
    return found[0] if len(found) == 1 else None


def _file(name: str) -> str:
    """Strip folders and drives of any operating system."""
    return name.replace("\\", "/").rpartition("/")[2]


def some_of(names: Sequence[str], most: int = HANDFUL) -> str:
    """List names for a message: a few of them, and the number of the rest."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"


def choose_among(names: Sequence[str], wanted: str = "") -> str:
    """Suggest a replacement for a missing file, the most similar names first."""
    if not names:
        return "put it there"
    among = "one of " if len(names) > 1 else ""
    return f"put it there, or choose {among}{some_of(_nearest_first(names, wanted))}"


def _nearest_first(names: Sequence[str], wanted: str) -> list[str]:
    stems = {name: _stem(name) for name in names[:_MOST_COMPARED]}
    near = get_close_matches(_stem(wanted), set(stems.values()), n=HANDFUL)
    places = {stem: place for place, stem in enumerate(near)}
    return sorted(names, key=lambda name: places.get(stems.get(name, ""), HANDFUL))


def _stem(name: str) -> str:
    return _file(name).rpartition(".")[0].lower()[:_LONGEST]
