"""Bring a changed prompt back into the drawn workflow it came from."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from .schema import ComfyNode
from .workflow import to_api

MOST_TRIED = 200
"""Values of a node's widgets, each of which costs a conversion of the whole workflow."""


def write_back(
    workflow: Mapping[str, Any],
    prompt: Mapping[str, Any],
    registry: Mapping[str, type[ComfyNode]],
) -> dict[str, Any] | None:
    """Return the UI-format workflow with widget values that convert to the prompt.

    Each change is tried in the node's widgets and kept where the converter then reads it as
    wanted, so there is no second rule for the order of widgets.

    Returns:
        None where widgets of the top level cannot say it, such as a link that was replaced.
    """
    drawn = copy.deepcopy(dict(workflow))
    present = to_api(drawn, registry)
    if present == prompt:
        return drawn
    for node in drawn["nodes"]:
        key = str(node["id"])
        for name in _differing(prompt.get(key, {}), present.get(key, {})):
            _write(drawn, node, name, prompt[key]["inputs"][name], registry)
    return drawn if to_api(drawn, registry) == prompt else None


def _differing(wanted: Mapping[str, Any], present: Mapping[str, Any]) -> list[str]:
    """Names of the inputs that are not as they shall be."""
    there = present.get("inputs", {})
    return [name for name, value in wanted.get("inputs", {}).items() if there.get(name) != value]


def _write(
    drawn: dict[str, Any],
    node: dict[str, Any],
    name: str,
    value: object,
    registry: Mapping[str, type[ComfyNode]],
) -> None:
    """Put a value into the one place of the node's widgets that holds this input."""
    named = node.pop("widgets_values_named", None)
    _write_listed(drawn, node, name, value, registry)
    if named is not None:
        node["widgets_values_named"] = {**named, name: value} if name in named else named


def _write_listed(
    drawn: dict[str, Any],
    node: dict[str, Any],
    name: str,
    value: object,
    registry: Mapping[str, type[ComfyNode]],
) -> None:
    values = node.get("widgets_values") or []
    key = str(node["id"])
    before = to_api(drawn, registry)[key]["inputs"]
    places = list(values) if isinstance(values, dict) else range(len(values))
    for place in places[:MOST_TRIED]:
        kept, values[place] = values[place], value
        read = to_api(drawn, registry)[key]["inputs"]
        if {**read, **before, name: value} == read:  # a choice may bring further inputs
            return
        values[place] = kept
