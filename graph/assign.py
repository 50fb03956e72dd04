"""Changes an input of a prompt by the words of a command line: `Prompt.text=a red cube`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..media import shown
from .errors import WorkflowError, listed, node_label
from .schema import ComfyNode, Schema
from .sockets import Input
from .validate import node_title
from .values import closest, parse_value
from .widgets import known_name


def set_input(
    prompt: Mapping[str, Any], assignment: str, registry: Mapping[str, type[ComfyNode]]
) -> dict[str, Any]:
    """Return the prompt with one input set; a link into that input is replaced.

    Args:
        prompt: API-format JSON.
        assignment: "<node title or id>.<input>=<value>"; titles in any case, and without
            what they say in parentheses.
        registry: node id -> class.

    Raises:
        WorkflowError: no such node or input, several nodes of that title, or no such value.
    """
    target, equals, text = assignment.partition("=")
    name, dot, input_id = target.rpartition(".")
    if not equals or not dot:
        raise WorkflowError(f'"{assignment}" is not of the form node.input=value')
    key = _find_node(prompt, name.strip(), registry)
    schema = _schema(prompt[key], registry)
    if schema is None:
        raise WorkflowError(
            f"{name}: the node type {shown(str(prompt[key].get('class_type')))} is unknown here"
        )
    given = prompt[key].get("inputs", {})
    if not isinstance(given, dict):
        raise WorkflowError(f"{name}: its inputs are not an object")
    specs = {spec.id: spec for spec in schema.inputs}
    known = known_name(input_id.strip(), specs, given)
    inputs = {**given, known: _read(specs, _label(key, prompt[key], schema), known, text)}
    return {**prompt, key: {**prompt[key], "inputs": inputs}}


def _find_node(
    prompt: Mapping[str, Any], name: str, registry: Mapping[str, type[ComfyNode]]
) -> str:
    titles = {
        key: node_title(raw, _schema(raw, registry))
        for key, raw in prompt.items()
        if isinstance(raw, dict)
    }
    found = [key for key, title in titles.items() if title.lower() == name.lower()] or [
        key for key, title in titles.items() if _short(title).lower() == name.lower()
    ]
    if len(found) > 1:
        raise WorkflowError(
            f'{len(found)} nodes are titled "{name}": use an id instead ({listed(found)})'
        )
    if not found and name not in titles:
        known = listed([f'"{shown(title)}" (#{shown(key)})' for key, title in titles.items()])
        hint = closest(name, list(titles.values()))
        raise WorkflowError(f'no node is titled "{name}"{hint}; there are: {known}')
    return found[0] if found else name


def _short(title: str) -> str:
    """A title without what it says in parentheses: Noise (Seed) -> Noise."""
    return title.partition(" (")[0]


def _schema(raw: Any, registry: Mapping[str, type[ComfyNode]]) -> Schema | None:
    class_type = raw.get("class_type")
    known = isinstance(class_type, str) and class_type in registry
    return registry[class_type].GET_SCHEMA() if known else None


def _label(key: str, raw: Mapping[str, Any], schema: Schema) -> str:
    return node_label(key, node_title(raw, schema), schema.node_id)


def _read(specs: Mapping[str, Input], label: str, input_id: str, text: str) -> Any:
    if input_id not in specs:
        known = ", ".join(specs) or "none"
        raise WorkflowError(
            f"{label} has no input {input_id}{closest(input_id, list(specs))}; it has: {known}"
        )
    try:
        return parse_value(specs[input_id], text)
    except ValueError as problem:
        raise WorkflowError(f"{label}: input {input_id}: {problem}") from None
