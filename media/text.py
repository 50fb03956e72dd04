"""Make texts from users and files safe to print: nothing in them can control a terminal."""

import unicodedata

LONGEST = 80
"""Characters shown of a foreign text in a message."""

_STEERING = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Marks that change the text direction."""

_UNSHOWN = frozenset({"Cc", "Cs", "Zl", "Zp"})


def is_printable(letter: str) -> bool:
    """Whether a character is visible and harmless: not a control character or a lone surrogate."""
    return unicodedata.category(letter) not in _UNSHOWN and letter not in _STEERING


def printable(text: str, keep: str = "") -> str:
    """Return a text with its control characters escaped, such as ``\\x1b``.

    Args:
        text: from any source.
        keep: control characters that stay.
    """
    return "".join(
        letter if letter in keep or is_printable(letter) else _written_out(letter)
        for letter in text
    )


def shown(text: str, most: int = LONGEST) -> str:
    """Return a text as one printable line of about `most` characters at most."""
    line = printable(text[:most])
    return f"{line}…" if len(text) > most else line


def counted(count: int, noun: str) -> str:
    """Return a number with a noun whose plural ends in s: ``1 job``, ``2 jobs``."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _written_out(letter: str) -> str:
    return letter.encode("unicode_escape", "backslashreplace").decode("ascii")
