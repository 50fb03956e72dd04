"""Resolve choices and comments in prompts, ``a {red|blue} cube // try``, as the editor does."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from typing import Any

from .schema import ComfyNode

_OPEN, _CLOSE = "/*", "*/"
_LINE = re.compile(r"//[^\n\r]*")
_COMMENT = re.compile(rf"{re.escape(_OPEN)}|{_LINE.pattern}")
_TOKEN = re.compile(r"\\.|[{}|]|[^\\{}|]+|\\", re.DOTALL)
_ESCAPED = re.compile(r"\\([{}|])")

SEEDS = ("seed", "noise_seed")
"""Names of inputs that are seeds."""


def resolve_prompts(
    prompt: Mapping[str, Any], registry: Mapping[str, type[ComfyNode]]
) -> dict[str, Any]:
    """Return a prompt with the choices in its texts resolved.

    Only inputs that allow dynamic prompts are resolved. The editor chooses at random on every run;
    here the seeds in the graph determine the choice, so that the same graph gives the same file,
    and another seed another choice.

    Args:
        prompt: API-format JSON, converted from the editor's format.
        registry: node id -> class.
    """
    seeds = [
        value
        for node in prompt.values()
        for name, value in node["inputs"].items()
        if name in SEEDS and isinstance(value, int)
    ]
    dice = random.Random(repr(seeds))
    return {key: _resolved(node, registry, dice) for key, node in prompt.items()}


def _resolved(
    node: Mapping[str, Any], registry: Mapping[str, type[ComfyNode]], dice: random.Random
) -> Mapping[str, Any]:
    known = registry.get(node["class_type"])
    names = [
        spec.id
        for spec in (known.GET_SCHEMA().inputs if known else ())
        if getattr(spec, "dynamic_prompts", False)
    ]
    texts = {name: node["inputs"].get(name) for name in names}
    changed = {name: choose(text, dice) for name, text in texts.items() if isinstance(text, str)}
    return {**node, "inputs": {**node["inputs"], **changed}} if changed else node


def choose(text: str, dice: random.Random) -> str:
    """Return a text without comments, with one option of each ``{a|b}``.

    ``\\{`` is a literal brace. An unclosed block ends at the end of the text.
    """
    tokens = _TOKEN.findall(_without_comments(text))
    options, chosen = _options(tokens), list[str]()
    left = [range(len(tokens))]
    while left:
        part = left.pop()
        for place in part:
            if place in options:
                block = options[place]
                left += [range(block[-1].stop + 1, part.stop), dice.choice(block)]
                break
            chosen.append(tokens[place])
    return _ESCAPED.sub(r"\1", "".join(chosen))


def _options(tokens: list[str]) -> dict[int, list[range]]:
    """The token ranges of each block's options, by the position of its opening brace."""
    found: dict[int, list[range]] = {}
    begun: list[tuple[int, int]] = []
    for place, token in enumerate([*tokens, *"}" * tokens.count("{")]):
        if token == "{":
            begun.append((place, place + 1))
        elif token in ("|", "}") and begun:
            brace, first = begun.pop()
            found.setdefault(brace, []).append(range(first, min(place, len(tokens))))
            if token == "|":
                begun.append((brace, place + 1))
    return found


def _without_comments(text: str) -> str:
    kept, place = list[str](), 0
    while comment := _COMMENT.search(text, place):
        ends = text.find(_CLOSE, comment.end()) if comment[0] == _OPEN else comment.end()
        if ends < 0:
            break
        kept.append(text[place : comment.start()])
        place = ends + len(_CLOSE) if comment[0] == _OPEN else ends
    return "".join([*kept, _LINE.sub("", text[place:])])
