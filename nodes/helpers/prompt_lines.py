"""Prompts over time written as text: one per line, each starting with a time."""

import re
from typing import NamedTuple

from .number_text import with_plain_signs

_LINE = re.compile(r"([^:\N{FULLWIDTH COLON}]*)[:\N{FULLWIDTH COLON}](.*)")
_TIME = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)\s*(s|f)?", re.IGNORECASE)
_CLOCK = re.compile(r"\s*[0-9]+(?:\.[0-9]*)?\s*[:\N{FULLWIDTH COLON}]")


class PromptLine(NamedTuple):
    """A prompt and the time at which it begins."""

    start: float
    prompt: str


class PromptLines(NamedTuple):
    """Prompts in order of time; all begin at seconds or all at frames of the video."""

    lines: tuple[PromptLine, ...]
    in_frames: bool


def read_prompt_lines(text: str) -> PromptLines:
    """Read "0: a cube moves left" and "4.5: it spins"; "72f: it spins" counts frames.

    Empty lines are skipped. A prompt may be empty.

    Raises:
        ValueError: there is no line, one does not begin with a time, some count seconds and some
            frames, or times do not increase.
    """
    numbered = [(n, line.strip()) for n, line in enumerate(text.splitlines(), 1) if line.strip()]
    if not numbered:
        raise ValueError("no prompt: write lines such as 0: a red cube moves left")
    read = [_read(number, line) for number, line in numbered]
    units = {in_frames for line, in_frames in read if line.start}
    if len(units) > 1:
        raise ValueError(
            "some lines begin at seconds and some at frames (f): use the same unit in all lines"
        )
    for (before, _), (after, _), (number, line) in zip(read, read[1:], numbered[1:], strict=False):
        if after.start <= before.start:
            raise ValueError(
                f"line {number}, {line!r}, begins at {after.start:g}, not after the line before it "
                f"at {before.start:g}: write the lines in order of time"
            )
    return PromptLines(tuple(line for line, _ in read), units == {True})


def _read(number: int, line: str) -> tuple[PromptLine, bool]:
    """Read a line, and whether it counts frames."""
    found = _LINE.fullmatch(line)
    time = None if found is None else _TIME.fullmatch(with_plain_signs(found[1]).strip())
    if found is None or time is None or _CLOCK.match(found[2]):
        raise ValueError(
            f"line {number}, {line!r}, does not begin with a time and a colon: write for example "
            "4.5: a red cube spins (seconds), or 72f: a red cube spins (frames); write a minute "
            "and a half as 90"
        )
    return PromptLine(float(time[1]), found[2].strip()), (time[2] or "s").lower() == "f"
