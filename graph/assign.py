"""Set inputs of a prompt from the command line: `Prompt.text=a red cube`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..media import shown
from .addresses import Address, Addresses
from .errors import WorkflowError
from .schema import ComfyNode
from .widgets import brought


def set_input(
    prompt: Mapping[str, Any], assignment: str, registry: Mapping[str, type[ComfyNode]]
) -> dict[str, Any]:
    """Return the prompt with one input set, replacing a link into it.

    Args:
        prompt: API-format JSON.
        assignment: "<node>.<input>=<value>" or "<tag>=<value>", see `Addresses`.
        registry: node id -> class.

    Raises:
        WorkflowError: no such node or input, several nodes of that title, or an invalid value.
    """
    words, text = split_assignment(assignment)
    addresses = Addresses(prompt, registry)
    address = addresses.find(words)
    return with_value(prompt, address, addresses.read(address, text), registry)


def with_value(
    prompt: Mapping[str, Any],
    address: Address,
    value: Any,
    registry: Mapping[str, type[ComfyNode]],
) -> dict[str, Any]:
    """Return the prompt with an input set to a value.

    If the value is a choice that adds inputs to the node, those missing get their defaults.

    Raises:
        WorkflowError: the node's inputs are not an object.
    """
    node = prompt[address.node]
    given = node.get("inputs", {})
    if not isinstance(given, dict):
        raise WorkflowError(f"node #{shown(address.node)}: its inputs are not an object")
    inputs = {**given, address.input: value}
    specs = {spec.id: spec for spec in registry[node["class_type"]].GET_SCHEMA().inputs}
    return {**prompt, address.node: {**node, "inputs": {**inputs, **brought(specs, inputs)}}}


def split_assignment(assignment: str) -> tuple[str, str]:
    """Return the name of an input and the text after the first equals sign.

    Raises:
        WorkflowError: there is no equals sign, or no name before it.
    """
    words, equals, text = assignment.partition("=")
    if not equals or not words.strip():
        raise WorkflowError(f'"{assignment}" is not of the form node.input=value')
    return words.strip(), text
