"""Signatures of nodes: equal signatures mean equal results, which are then computed only once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from .graph import GraphNode, Link
from .schema import Hidden, own_method
from .validate import select_arguments


def sign_node(node: GraphNode, upstream: Mapping[str, str], unique: Callable[[], int]) -> str:
    """Return a node's signature: its class, constants, upstream nodes and own fingerprint.

    Args:
        node: the node.
        upstream: signatures of the nodes that feed it.
        unique: returns a new number on every call, for values that never compare as equal.

    Raises:
        Exception: whatever the node's `fingerprint_inputs` raises.
    """
    inputs = {
        name: ["link", upstream[value.node], value.slot] if isinstance(value, Link) else [value]
        for name, value in node.inputs.items()
    }
    own_id = node.id if node.schema.not_idempotent or _asks_for_id(node) else None
    parts = [node.class_type, own_id, inputs, _fingerprint(node)]
    text = json.dumps(_plain(parts, unique), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _asks_for_id(node: GraphNode) -> bool:
    return Hidden.unique_id.name in [hidden.name for hidden in node.schema.hidden]


def _fingerprint(node: GraphNode) -> object:
    method = own_method(node.node, "fingerprint_inputs")
    if method is None:
        return None
    arguments = select_arguments(method, node.inputs)
    if node.schema.is_input_list:
        arguments = {name: [value] for name, value in arguments.items()}
    return method(**arguments)


def _plain(value: object, unique: Callable[[], int]) -> Any:
    """Convert a value to JSON that differs whenever the value does; NaN differs from itself."""
    if isinstance(value, list | tuple):
        return [_plain(item, unique) for item in value]
    if isinstance(value, dict):
        return [[repr(key), _plain(item, unique)] for key, item in value.items()]
    if value != value:  # NaN
        return ["unique", unique()]
    if value is None or isinstance(value, bool | int | float | str | bytes):
        return [type(value).__name__, repr(value)]
    return ["unique", unique()]
