"""Prompts with choices and comments, ``a {red|blue} cube // try``, as the editor reads them."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from typing import Any

from .schema import ComfyNode

_COMMENT = re.compile(r"/\*.*?\*/|//[^\n\r]*", re.DOTALL)
_TOKEN = re.compile(r"\\.|[{}|]|[^\\{}|]+|\\", re.DOTALL)
_ESCAPED = re.compile(r"\\([{}|])")

SEEDS = ("seed", "noise_seed")
"""Names of inputs that are seeds."""


def resolve_prompts(
    prompt: Mapping[str, Any], registry: Mapping[str, type[ComfyNode]]
) -> dict[str, Any]:
    """Return a prompt in which every text that may hold choices has made them.

    The editor throws dice each time; here the seeds of the graph decide, so that the same graph
    gives the same file, and another seed another choice.

    Args:
        prompt: in API format, converted from the editor's.
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
    """Return a text without comments, with one of each ``{a|b}``; ``\\{`` stands for a brace."""
    tokens = _TOKEN.findall(_COMMENT.sub("", text))
    return _ESCAPED.sub(r"\1", _outside(tokens, dice))


def _outside(tokens: list[str], dice: random.Random) -> str:
    """What is left of a text where its choices have been made; a block that does not end does."""
    found, place = [], 0
    while place < len(tokens):
        token = tokens[place]
        place += 1
        if token == "{":
            options, place = _block(tokens, place)
            token = _outside(dice.choice(options), dice)
        found.append(token)
    return "".join(found)


def _block(tokens: list[str], place: int) -> tuple[list[list[str]], int]:
    """The options of a block that begins at a place, and the place behind it."""
    options: list[list[str]] = [[]]
    depth = 0
    while place < len(tokens):
        token = tokens[place]
        place += 1
        if token == "}" and depth == 0:
            break
        if token == "|" and depth == 0:
            options.append([])
            continue
        depth += {"{": 1, "}": -1}.get(token, 0)
        options[-1].append(token)
    return options, place
