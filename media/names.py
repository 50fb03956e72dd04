"""Names of files: found as people write them, and told in messages."""

import re
from collections.abc import Callable, Sequence
from difflib import get_close_matches

HANDFUL = 5
"""Of many names, those that a message spells out."""

_MOST_COMPARED, _LONGEST = 1000, 100

_RESERVED = re.compile(
    r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[\d¹²³])\s*(\..*)?", re.IGNORECASE | re.DOTALL
)


def is_reserved(name: str) -> bool:
    """Whether Windows takes a name for that of a device, whatever its suffix."""
    return _RESERVED.fullmatch(name) is not None


def same_name(name: str, names: Sequence[str]) -> str | None:
    """Return the name among others that differs in slashes at most, else the only one in case."""
    return _only(name, names, lambda each: each.replace("\\", "/"))


def moved_name(name: str, names: Sequence[str]) -> str | None:
    """Return what `same_name` does, else the only file of that name in another folder.

    Args:
        name: of a graph from anywhere, perhaps with the folders of another machine.
        names: of the files that are here.
    """
    return same_name(name, names) or _only(name, names, _file)


def _only(name: str, names: Sequence[str], part: Callable[[str], str]) -> str | None:
    """The name of an equal part, else the only one whose part differs in case."""
    equal = [each for each in names if part(each) == part(name)]
    alike = [each for each in names if part(each).lower() == part(name).lower()]
    found = equal or alike
    return found[0] if len(found) == 1 else None


def _file(name: str) -> str:
    """A name without folders and drives of any system."""
    return name.replace("\\", "/").rpartition("/")[2]


def some_of(names: Sequence[str], most: int = HANDFUL) -> str:
    """Return names for a message, a few of them and the number of the rest."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"


def choose_among(names: Sequence[str], wanted: str = "") -> str:
    """What a message proposes in the place of a missing file, the names most like it first."""
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
