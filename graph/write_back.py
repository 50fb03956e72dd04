"""Write the changes of a prompt back into the editor workflow that it came from."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from .schema import ComfyNode
from .workflow import to_api

MOST_TRIED = 200
"""Maximum number of a node's widget values to try; each costs a conversion of the workflow."""


def write_back(
    workflow: Mapping[str, Any],
    prompt: Mapping[str, Any],
    registry: Mapping[str, type[ComfyNode]],
) -> dict[str, Any] | None:
    """Return the UI-format workflow with widget values that convert to the prompt.

    Each changed value is tried in the node's widgets in turn and kept where the converter reads it
    back as wanted, so the rules for widget order are not duplicated here.

    Returns:
        The workflow, or None if top-level widgets cannot express the change, such as a link that
        was replaced.
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
    """Names of the inputs whose values differ from the wanted ones."""
    there = present.get("inputs", {})
    return [name for name, value in wanted.get("inputs", {}).items() if there.get(name) != value]


def _write(
    drawn: dict[str, Any],
    node: dict[str, Any],
    name: str,
    value: object,
    registry: Mapping[str, type[ComfyNode]],
) -> None:
    """Put a value at the position in the node's widgets that holds this input."""
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
        if {**read, **before, name: value} == read:  # a choice may add further inputs
            return
        values[place] = kept
