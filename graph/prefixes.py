"""Fill in the patterns in file name prefixes, as ComfyUI's editor does when Run is pressed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

PREFIX = "filename_prefix"
"""The input that holds a file name prefix."""

LONGEST = 10_000
"""Maximum length of a prefix in characters; longer ones, too long for any file, are left as is."""

_PATTERN = re.compile(r"%([^%]+)%")
_DATE = re.compile(r"d{1,2}|M{1,2}|h{1,2}|m{1,2}|s{1,2}|y{2,4}")
_NOT_IN_NAMES = re.compile(r'[/?<>\\:*|"\x00-\x1f\x7f]')


def fill_prefixes(prompt: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Return a prompt with the dates and values in its file name prefixes filled in.

    ``%date:yyyy-MM-dd%`` becomes a date; ``%Sampler.seed%`` becomes the value of an input of the
    node with that type or title. Patterns that match nothing are left as they are.

    Args:
        prompt: API-format JSON.
        now: the time to use for dates.
    """
    return {key: _filled(node, prompt, now) for key, node in prompt.items()}


def _filled(node: Any, prompt: Mapping[str, Any], now: datetime) -> Any:
    inputs = node.get("inputs") if isinstance(node, dict) else None
    if not isinstance(inputs, dict):
        return node
    prefix = inputs.get(PREFIX)
    if not isinstance(prefix, str) or len(prefix) > LONGEST or not _PATTERN.search(prefix):
        return node
    filled = _PATTERN.sub(lambda found: _replaced(found, prompt, now), prefix)
    return {**node, "inputs": {**inputs, PREFIX: filled}}


def _replaced(found: re.Match[str], prompt: Mapping[str, Any], now: datetime) -> str:
    name, dot, widget = found[1].partition(".")
    if found[1].startswith("date:"):
        return _date(found[1].removeprefix("date:"), now)
    value = _inputs_of(name, prompt).get(widget) if dot else None
    if value is None or isinstance(value, list | dict):
        return found[0]
    return _NOT_IN_NAMES.sub("_", _text(value))


def _inputs_of(name: str, prompt: Mapping[str, Any]) -> Mapping[str, Any]:
    """Inputs of the first node of that type, or else of that title."""
    nodes = [node for node in prompt.values() if isinstance(node, dict)]
    for key in (lambda node: node.get("class_type"), _title):
        for node in nodes:
            if key(node) == name and isinstance(node.get("inputs"), dict):
                return node["inputs"]
    return {}


def _title(node: Mapping[str, Any]) -> object:
    meta = node.get("_meta")
    return meta.get("title") if isinstance(meta, dict) else None


def _text(value: object) -> str:
    """Format a value as the editor does: 8.0 becomes 8, and True becomes true."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _date(form: str, now: datetime) -> str:
    parts = {"d": now.day, "M": now.month, "h": now.hour, "m": now.minute, "s": now.second}
    years = {"yy": f"{now.year % 100:02}", "yyy": "yyy", "yyyy": str(now.year)}

    def part(found: re.Match[str]) -> str:
        letters = found[0]
        return years.get(letters) or f"{parts[letters[0]]:0{len(letters)}}"

    return _DATE.sub(part, form)
