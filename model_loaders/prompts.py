"""Prompts with weights, as in ``a (red:1.5) cube``: text to weighted tokens by ComfyUI's rules."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .tokenizer import EOS, PAD, Tokenizer

MORE = 1.1
"""Factor of parentheses without a number."""

_ESCAPES = {r"\)": "\0\1", r"\(": "\0\2"}


@dataclass(frozen=True)
class Prompt:
    """A prompt as the text encoder reads it.

    Args:
        tokens: (id, weight) pairs up to the encoder's length, with end of text and padding.
        problems: messages for the user about parts of the prompt that will not be followed.
    """

    tokens: tuple[tuple[int, float], ...]
    problems: tuple[str, ...] = ()


def read_prompt(tokenizer: Tokenizer, text: str, *, weights: bool = True) -> Prompt:
    """Split a prompt into weighted tokens.

    Args:
        tokenizer: tokenizer of the text encoder.
        text: the prompt.
        weights: read parentheses as weights; otherwise they are plain text.

    Raises:
        ValueError: a weight is not a finite number.
    """
    segments = weighted_segments(text) if weights else [(text, 1.0)]
    told = [unknown_words([part for part, _ in segments], tokenizer)]
    if weights and any(mark in part for part, _ in _groups_apart(text) for mark in "()"):
        told.append(
            "the prompt has an unmatched parenthesis, so weights next to it are read as text: "
            r"close it, or write \( and \) for literal parentheses"
        )
    pieces = [(piece, weight) for part, weight in segments for piece in tokenizer.pieces(part)]
    room = tokenizer.max_length - 1
    if len(pieces) > room:
        told.append(
            f"shorten the prompt: it has {len(pieces)} tokens, and only the first {room} are read"
        )
    kept = pieces[:room]
    tokens = (*kept, (EOS, 1.0), *[(PAD, 1.0)] * (room - len(kept)))
    return Prompt(tokens, tuple(filter(None, told)))


def unknown_words(texts: Sequence[str], tokenizer: Tokenizer) -> str:
    """Sentence that names the words outside the vocabulary; empty if there are none."""
    words = dict.fromkeys(word for text in texts for word in tokenizer.unknown_words(text))
    if not words:
        return ""
    named = ", ".join(repr(word) for word in words)
    return f"the text encoder does not know the words {named}: they will not be followed"


def weighted_segments(text: str) -> list[tuple[str, float]]:
    r"""Split a prompt into parts, in order, with their weights.

    Parentheses multiply the weight of their contents by 1.1; ``(words:1.5)`` sets it, whatever
    surrounds it. ``\(`` and ``\)`` are text, and so are unmatched parentheses.

    Raises:
        ValueError: a weight is not a finite number.
    """
    segments = []
    for part, weight in _groups_apart(text):
        for written, mark in _ESCAPES.items():
            part = part.replace(mark, written[1])
        segments.append((part, weight))
    return segments


def _groups_apart(text: str) -> list[tuple[str, float]]:
    """Split as ``weighted_segments`` does, with escapes still in place."""
    for written, mark in _ESCAPES.items():
        text = text.replace(written, mark)
    parts: list[tuple[str, float]] = []
    todo = [(each, 1.0) for each in reversed(list(_outermost(text)))]
    while todo:
        part, weight = todo.pop()
        if len(part) < 2 or not (part.startswith("(") and part.endswith(")")):
            parts.append((part, weight))
            continue
        inner, weight = _own_weight(part[1:-1], weight)
        todo.extend((each, weight) for each in reversed(list(_outermost(inner))))
    return parts


def _own_weight(inner: str, around: float) -> tuple[str, float]:
    """Split a group's contents into its text without the number, and its weight."""
    words, _, number = inner.rpartition(":")
    if not words:
        return inner, MORE * around
    try:
        weight = float(number)
    except ValueError:
        return inner, MORE * around
    if not math.isfinite(weight):
        raise ValueError(
            f"the weight of ({inner}) in the prompt is not a finite number: use one, such as 1.5"
        )
    return words, weight


def _outermost(text: str) -> Iterator[str]:
    """Cut before each outermost opening parenthesis, and after its partner."""
    start = depth = 0
    for place, letter in enumerate(text):
        if letter == "(":
            if depth == 0 and place > start:
                yield text[start:place]
                start = place
            depth += 1
        elif letter == ")":
            depth -= 1
            if depth == 0:
                yield text[start : place + 1]
                start = place + 1
    if start < len(text):
        yield text[start:]
