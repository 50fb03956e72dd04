"""Short notations for values: ranges, lists and files of lines."""

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from io import StringIO
from pathlib import Path

from ....graph.assign import split_assignment
from ....media import shown
from .problems import BatchError
from .variations import MOST_JOBS, SEED, Axis, Variation

_NUMBER = r"-?\d+(?:\.\d+)?"
_RANGE = re.compile(rf"\s*({_NUMBER})\s*\.\.\s*({_NUMBER})\s*(?::\s*({_NUMBER})\s*)?")
_SEEDS = re.compile(r"(\d+)(?:(?:-|\.\.)(\d+))?")


def sweep_axis(sweep: str) -> Axis:
    """Return the variations of ``Node.input=values``.

    Args:
        sweep: with values as ``0..99``, ``0..1:0.25`` (with a step), ``a|b|c`` (bars within braces
            stay, as prompts use them for choices), a JSON list, or ``@file`` with one per line.

    Raises:
        BatchError: the values cannot be read.
        WorkflowError: there is no equals sign.
    """
    words, text = split_assignment(sweep)
    told = f"--sweep {shown(words)}"
    if text.startswith("@"):
        return lines_axis(Path(text[1:]), words, told)
    return [Variation(place=told, values=((words, value),)) for value in _values(text, told)]


def seeds_axis(seeds: str) -> Axis:
    """Return the variations of the graph's own seed: ``1-20``, ``3,5,9``.

    Raises:
        BatchError: the numbers cannot be read.
    """
    found: list[str] = []
    for part in seeds.split(","):
        match = _SEEDS.fullmatch(part.strip())
        if match is None:
            raise BatchError(
                [f'--seeds "{shown(seeds)}": write numbers and ranges, such as 1-20 or 3,5,9']
            )
        first, last = match[1], match[2] or match[1]
        found += _range(Decimal(first), Decimal(last), Decimal(1), "--seeds")
    return [Variation(place="--seeds", values=((SEED, value),)) for value in found]


def lines_axis(file: Path, target: str, told: str) -> Axis:
    """Return a variation for each line of a file that is not blank.

    Raises:
        BatchError: the file cannot be read, or all lines are blank.
    """
    lines = enumerate(StringIO(read_text(file, told), newline=None), 1)
    found = [
        Variation(place=f"{file} line {number}", values=((target, line.strip()),))
        for number, line in lines
        if line.strip()
    ]
    if not found:
        raise BatchError([f"{told}: {file} has no line of text"])
    return found


def read_text(file: Path, told: str) -> str:
    """Return the text of a UTF-8 file; ``told`` names the option that it is for.

    Raises:
        BatchError: it cannot be read.
    """
    try:
        return file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise BatchError(
            [f"{told}: {file} line {line} is not UTF-8: save it in that encoding"]
        ) from error
    except OSError as error:
        raise BatchError([f"{told}: {file} cannot be read: {error.strerror}"]) from error


def _values(text: str, told: str) -> list[str]:
    if text.lstrip().startswith("["):
        return _listed(text, told)
    if match := _RANGE.fullmatch(text):
        return _range(Decimal(match[1]), Decimal(match[2]), Decimal(match[3] or 1), told)
    return list(_parts(text))


def _range(first: Decimal, last: Decimal, step: Decimal, told: str) -> list[str]:
    """Return the numbers from ``first`` up to ``last``, ``step`` apart."""
    if step <= 0 or last < first:
        raise BatchError([f"{told}: {first}..{last} in steps of {step} has no numbers"])
    count = int((last - first) / step) + 1
    if count > MOST_JOBS:
        raise BatchError([f"{told}: {count} values, but at most {MOST_JOBS} are allowed"])
    return [str(first + number * step) for number in range(count)]


def _listed(text: str, told: str) -> list[str]:
    try:
        values = json.loads(text)
    except ValueError as error:
        raise BatchError([f"{told}: the list is not JSON: {error}"]) from error
    if not values:
        raise BatchError([f"{told}: the list is empty"])
    return [as_text(value, told) for value in values]


def as_text(value: object, told: str) -> str:
    """Return a JSON value as the text of an assignment.

    Raises:
        BatchError: it is a list, an object or null.
    """
    if isinstance(value, dict | list) or value is None:
        raise BatchError([f"{told}: {shown(json.dumps(value))} is not text, a number or a boolean"])
    return value if isinstance(value, str) else json.dumps(value)


def _parts(text: str) -> Iterator[str]:
    """Yield the parts between bars that are outside braces."""
    depth, start = 0, 0
    for place, letter in enumerate(text):
        depth += {"{": 1, "}": -1}.get(letter, 0)
        if letter == "|" and depth <= 0:
            yield text[start:place]
            start = place + 1
    yield text[start:]
