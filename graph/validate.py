"""Check a whole prompt before any of it runs."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from ..media import shown
from .errors import LISTED, GraphError, listed, node_label
from .graph import CycleError, Graph, GraphNode, Link, order_nodes
from .registry import Registry
from .schema import ComfyNode, Schema, own_method
from .sockets import Input
from .values import are_compatible, check_kind, check_value, quote, read_value, widget_of

_ELSEWHERE = (
    "install the packs that provide them in ComfyUI and run the workflow there: "
    "comfy run --workflow FILE --wait"
)


@dataclass(frozen=True)
class Entry:
    """A node of the prompt before its inputs are checked."""

    id: str
    title: str
    class_type: str
    raw: Mapping[str, Any]
    schema: Schema | None

    @property
    def label(self) -> str:
        return node_label(self.id, self.title, self.class_type)


def validate(prompt: object, registry: Registry) -> Graph:
    """Check a prompt and return its graph, with constants converted to their inputs' types.

    Node types are checked for all nodes, everything else only for nodes that the output nodes need.

    Args:
        prompt: API-format JSON: id -> {"class_type", "inputs", "_meta"}.
        registry: node id -> class.

    Raises:
        GraphError: lists everything that is wrong.
    """
    problems: list[str] = []
    entries = read_entries(prompt, registry, problems)
    problems += _unknown_types(entries.values(), registry)
    outputs = [
        entry.id for entry in entries.values() if entry.schema and entry.schema.is_output_node
    ]
    if not outputs and not problems:
        problems.append(
            "no node in the workflow saves or shows anything: add one, such as Save Video, or "
            "enable the muted or bypassed nodes that it needs"
        )
    nodes: dict[str, GraphNode] = {}
    for key in _needed(outputs or list(entries), entries, problems):
        entry = entries[key]
        if entry.schema:
            inputs = check_node(entry, entry.schema, registry[entry.class_type], entries, problems)
            nodes[key] = GraphNode(
                id=key,
                title=entry.title,
                class_type=entry.class_type,
                node=registry[entry.class_type],
                schema=entry.schema,
                inputs=inputs,
            )
    if problems:
        raise GraphError(problems)
    return Graph(nodes)


def read_entries(
    prompt: object, registry: Mapping[str, type[ComfyNode]], problems: list[str]
) -> dict[str, Entry]:
    """Return the nodes of a prompt by id; add entries that are not nodes to `problems`.

    Raises:
        GraphError: the prompt is not an object of nodes, or is empty.
    """
    if prompt == {}:
        raise GraphError(
            ["no node is left to run: all are muted, bypassed or depend on a node that is"]
        )
    if not isinstance(prompt, dict):
        raise GraphError([f"expected a prompt, an object of nodes by id, got {quote(prompt)}"])
    entries = {}
    schemas: dict[str, Schema] = {}
    for key, raw in prompt.items():
        class_type = raw.get("class_type") if isinstance(raw, dict) else None
        if not isinstance(raw, dict) or not isinstance(class_type, str):
            problems.append(f"node #{shown(str(key))} has no class_type: {quote(raw)}")
            continue
        if class_type in registry and class_type not in schemas:
            schemas[class_type] = registry[class_type].GET_SCHEMA()
        schema = schemas.get(class_type)
        title = node_title(raw, schema)
        inputs = raw.get("inputs", {})
        if not isinstance(inputs, dict):
            problems.append(f"{node_label(key, title, class_type)}: its inputs are not an object")
            inputs = {}
        entries[str(key)] = Entry(str(key), title, class_type, inputs, schema)
    return entries


def node_title(raw: Mapping[str, Any], schema: Schema | None) -> str:
    """Return the title of a prompt's node, or else the display name of its class."""
    meta = raw.get("_meta")
    title = meta.get("title") if isinstance(meta, dict) else None
    if isinstance(title, str) and title:
        return title
    return (schema and schema.display_name) or str(raw.get("class_type"))


def _unknown_types(entries: Collection[Entry], registry: Registry) -> list[str]:
    unknown = [entry for entry in entries if entry.schema is None]
    if not unknown:
        return []
    count = "1 node has an" if len(unknown) == 1 else f"{len(unknown)} nodes have an"
    names = listed([entry.label for entry in unknown])
    ours = registry.equivalents(entry.class_type for entry in unknown)
    return ["; ".join([f"{count} unknown type: {names}", *ours, _ELSEWHERE])]


def _needed(wanted: list[str], entries: Mapping[str, Entry], problems: list[str]) -> list[str]:
    feeds = {
        key: [link.node for value in entry.raw.values() if (link := read_link(value))]
        for key, entry in entries.items()
    }
    try:
        return order_nodes(wanted, feeds)
    except CycleError as cycle:
        ring = [entries[key].label for key in cycle.ids]
        labels = ring if len(ring) <= LISTED else [*ring[: LISTED - 1], "…", ring[-1]]
        problems.append(f"the links form a cycle: {' -> '.join(labels)}")
        return list(entries)


def read_link(value: object) -> Link | None:
    """Return an input's JSON value as a link, or None if it is a constant or a malformed link."""
    if not isinstance(value, list) or len(value) != 2:
        return None
    node, slot = value
    if isinstance(node, bool) or not isinstance(node, str | int):
        return None
    if isinstance(slot, bool) or not isinstance(slot, int):
        return None
    return Link(str(node), slot)


def check_node(
    entry: Entry,
    schema: Schema,
    node: type[ComfyNode],
    entries: Mapping[str, Entry],
    problems: list[str],
) -> dict[str, Any]:
    """Check one node and return its inputs, converted to their types.

    Args:
        entry: the node.
        schema: the schema of its class.
        node: its class.
        entries: all nodes of the prompt.
        problems: the problems found are added here.
    """
    check = own_method(node, "validate_inputs")
    lenient = _parameters(check) if check else frozenset()
    found: list[str] = []
    inputs: dict[str, Any] = {}
    for spec in schema.inputs:
        try:
            if _is_given(spec, entry.raw):
                inputs[spec.id] = _check_input(spec, entry.raw[spec.id], entries, lenient)
        except ValueError as problem:
            found.append(f"{entry.label}: input {spec.id}: {problem}")
    if check and not found:
        found += _own_check(entry, schema, check, inputs)
    problems += found
    return inputs


def _is_given(spec: Input, raw: Mapping[str, Any]) -> bool:
    if raw.get(spec.id) is not None:
        return True
    if not spec.optional:
        default = getattr(widget_of(spec), "default", None)
        usual = "" if default is None else f", its default {quote(default)}"
        raise ValueError(f"is missing; its type is {spec.get_io_type()}{usual}")
    return False


def _check_input(
    spec: Input, value: object, entries: Mapping[str, Entry], lenient: Collection[str]
) -> Any:
    if isinstance(value, list):
        return _check_link(spec, value, entries, "input_types" in lenient)
    if isinstance(value, dict) and "__value__" in value:
        value = value["__value__"]
    value = read_value(spec, value)
    checks_itself = spec.id in lenient or "**" in lenient
    (check_kind if checks_itself else check_value)(spec, value)
    return value


def _check_link(
    spec: Input, value: list[Any], entries: Mapping[str, Entry], any_type: bool
) -> Link:
    link = read_link(value)
    if link is None:
        raise ValueError(f"{quote(value)} is not a link; a link is [node id, output index]")
    source = entries.get(link.node)
    if source is None:
        raise ValueError(f"comes from node #{shown(link.node)}, which is not in the workflow")
    if source.schema is None:
        return link
    outputs = source.schema.outputs
    if not 0 <= link.slot < len(outputs):
        raise ValueError(
            f"comes from output {link.slot} of {source.label}, which has {len(outputs)} outputs"
        )
    given, wanted = outputs[link.slot].get_io_type(), spec.get_io_type()
    if not any_type and not are_compatible(given, wanted):
        raise ValueError(f"expects {wanted}, but {source.label} outputs {given}")
    return link


def checks_itself(node: type[ComfyNode], input_id: str) -> bool:
    """Return whether a node checks an input itself, in place of the check of range and options."""
    check = own_method(node, "validate_inputs")
    return check is not None and not {input_id, "**"}.isdisjoint(_parameters(check))


def _parameters(method: Callable[..., Any]) -> frozenset[str]:
    parameters = inspect.signature(method).parameters.values()
    return frozenset("**" if p.kind is p.VAR_KEYWORD else p.name for p in parameters)


def select_arguments(method: Callable[..., Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the inputs that a method declares, with linked ones as None."""
    names = _parameters(method)
    return {
        name: None if isinstance(value, Link) else value
        for name, value in inputs.items()
        if name in names or "**" in names
    }


def _own_check(
    entry: Entry, schema: Schema, check: Callable[..., Any], inputs: Mapping[str, Any]
) -> list[str]:
    arguments = select_arguments(check, inputs)
    if schema.is_input_list:
        arguments = {name: [value] for name, value in arguments.items()}
    try:
        answer = check(**arguments)
    except Exception as error:  # the node's own code may raise anything
        answer = f"its check failed with {type(error).__name__}: {error}"
    if answer is True:
        return []
    text = answer if isinstance(answer, str) else "rejects its inputs"
    names = _parameters(check)
    if len(names) == 1 and not text.startswith("input "):
        text = f"input {next(iter(names))}: {text}"
    return [f"{entry.label}: {text}"]
