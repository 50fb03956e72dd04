"""Numbers written as text: "3", "1, 2", "7-9", seeds "0: 5, 3-4: 17" and keys "0: 1, 24: 0.3"."""

import re
import unicodedata
from collections.abc import Iterator

MOST = 10_000
"""Largest number of values in a range; more is probably a typo."""

_RANGE = re.compile(r"([0-9]+)(?:\s*-\s*([0-9]+))?")
_KEY = re.compile(r"([^:]+):\s*(\(?)([^()]+)(\)?)")
_SEED = re.compile(r"(.+?)\s*:\s*([0-9]+)")


def read_numbers(text: str) -> tuple[int, ...]:
    """Read numbers and ranges: "1, 7-9" -> (1, 7, 8, 9), sorted, without duplicates.

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
                "separated by commas"
            )
        for frame in _range(found[1]):
            if seeds.setdefault(frame, int(found[2])) != int(found[2]):
                raise ValueError(
                    f"frame {frame} has two seeds, {seeds[frame]} and {found[2]}: keep one"
                )
    return seeds


def read_keys(text: str) -> tuple[tuple[float, float], ...]:
    """Read numbers at times: "0: 1, 24: 0.3" -> ((0, 1), (24, 0.3)).

    A number may be in parentheses, as in "0:(1.0)".

    Raises:
        ValueError: a part is not a time with a number.
    """
    return tuple(_key(part) for part in _parts(text))


def read_factors(text: str) -> tuple[float, ...]:
    """Read factors: "1, 0.5, .25" -> (1, 0.5, 0.25).

    Raises:
        ValueError: a part is not a number.
    """
    return tuple(_decimal(part, part, "1, 0.8, 0.5") for part in _parts(text))


def with_plain_signs(text: str) -> str:
    """Replace digits, commas and colons of Chinese and Japanese keyboards with plain ones."""
    return unicodedata.normalize("NFKC", text).replace("\N{IDEOGRAPHIC COMMA}", ",")


def _parts(text: str) -> Iterator[str]:
    return (part.strip() for part in with_plain_signs(text).split(",") if part.strip())


def _key(part: str) -> tuple[float, float]:
    found, example = _KEY.fullmatch(part), "0: 1, 24: 0.3"
    if found is None or len(found[2]) != len(found[4]):
        raise ValueError(
            f"{part!r} is not a time with its number: write for example {example}, separated by "
            "commas"
        )
    return _decimal(found[1], part, example), _decimal(found[3], part, example)


def _decimal(text: str, part: str, example: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(
            f"{text.strip()!r} in {part!r} is not a number: write for example {example}, with a "
            "decimal point"
        ) from None


def _range(part: str) -> range:
    found = _RANGE.fullmatch(part)
    if found is None:
        raise ValueError(
            f"{part!r} is not a number: write for example 3, or 1, 2, or 7-9, counting from 0"
        )
    first, last = int(found[1]), int(found[2] or found[1])
    if not first <= last < first + MOST:
        raise ValueError(
            f"{part!r} is not a valid range: write the smaller number first, and at most {MOST} "
            "numbers"
        )
    return range(first, last + 1)
