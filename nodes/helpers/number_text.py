"""Blocks and frames written as text: "3", "1, 2", "7-9", and with seeds "0: 5, 3-4: 17"."""

import re
import unicodedata
from collections.abc import Iterator

MOST = 10_000
"""Numbers that a range may hold; more is a slip of the keyboard."""

_RANGE = re.compile(r"([0-9]+)(?:\s*-\s*([0-9]+))?")
_SEED = re.compile(r"(.+?)\s*:\s*([0-9]+)")


def read_numbers(text: str) -> tuple[int, ...]:
    """Read numbers and ranges: "1, 7-9" -> (1, 7, 8, 9), sorted and each once.

    Raises:
        ValueError: a part is neither a number nor a rising range.
    """
    return tuple(sorted({number for part in _parts(text) for number in _range(part)}))


def read_seeds(text: str) -> dict[int, int]:
    """Read seeds of frames: "0: 5, 3-4: 17" -> {0: 5, 3: 17, 4: 17}.

    Raises:
        ValueError: a part is not a frame with a seed, or a frame has two seeds.
    """
    seeds: dict[int, int] = {}
    for part in _parts(text):
        found = _SEED.fullmatch(part)
        if found is None:
            raise ValueError(
                f"{part!r} is not a frame with its seed: write for example 0: 5, or 3-4: 17, "
                "with commas between them"
            )
        for frame in _range(found[1]):
            if seeds.setdefault(frame, int(found[2])) != int(found[2]):
                raise ValueError(
                    f"frame {frame} is given the seeds {seeds[frame]} and {found[2]}: keep one"
                )
    return seeds


def with_plain_signs(text: str) -> str:
    """The same with digits, commas and colons of Chinese and Japanese keyboards made plain."""
    return unicodedata.normalize("NFKC", text).replace("\N{IDEOGRAPHIC COMMA}", ",")


def _parts(text: str) -> Iterator[str]:
    return (part.strip() for part in with_plain_signs(text).split(",") if part.strip())


def _range(part: str) -> range:
    found = _RANGE.fullmatch(part)
    if found is None:
        raise ValueError(
            f"{part!r} is not a number: write for example 3, or 1, 2, or 7-9, counting from 0"
        )
    first, last = int(found[1]), int(found[2] or found[1])
    if not first <= last < first + MOST:
        raise ValueError(
            f"{part!r} is not a range: write the smaller number first, and at most {MOST} numbers"
        )
    return range(first, last + 1)
