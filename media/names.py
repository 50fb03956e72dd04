"""Names of files: found as people write them, and told in messages."""

from collections.abc import Sequence

HANDFUL = 5
"""Of many names, those that a message spells out."""


def same_name(name: str, names: Sequence[str]) -> str | None:
    """Return the name among others that differs in the kind of slashes at most."""
    wanted = name.replace("\\", "/")
    return next((each for each in names if each.replace("\\", "/") == wanted), None)


def some_of(names: Sequence[str], most: int = HANDFUL) -> str:
    """Return names for a message, a few of them and the number of the rest."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"


def choose_among(names: Sequence[str]) -> str:
    """What a message proposes in the place of a missing file."""
    among = "one of " if len(names) > 1 else ""
    return f"put it there, or choose {among}{some_of(names)}" if names else "put it there"
