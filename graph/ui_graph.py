"""Read the editor's saved graphs into plain records; malformed files raise a clear error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from .errors import WorkflowError
from .values import quote

SUBGRAPH_INPUT, SUBGRAPH_OUTPUT = "-10", "-20"
"""Ids of a subgraph's input and output ends, which appear only in its links."""

MUTED, BYPASSED = 2, 4
"""Modes of a node that does not run: links end at a muted node and pass through a bypassed one."""


class Wire(NamedTuple):
    """A link: an output of one node into an input of another."""

    id: int | str
    origin: str
    origin_slot: int
    target: str
    target_slot: int


@dataclass(frozen=True)
class UISlot:
    """An input of a node; `widget` names the widget that it stands for."""

    name: str
    type: str
    link: int | str | None
    widget: str | None


@dataclass(frozen=True)
class UINode:
    """A node as the editor saves it.

    `proxies` are the widgets on a subgraph instance, in the order of their values: the id of a node
    in the subgraph and a widget name; id "-1" stands for the subgraph's own input of that name. It
    is None in files that do not list them.
    """

    id: str
    type: str
    title: str | None
    mode: int
    inputs: tuple[UISlot, ...]
    output_types: tuple[str, ...]
    values: list[Any] | dict[str, Any]
    proxies: tuple[tuple[str, str], ...] | None = None

    @property
    def listed_values(self) -> list[Any]:
        """Its widget values, in order."""
        return self.values if isinstance(self.values, list) else list(self.values.values())

    def input_named(self, name: str) -> UISlot | None:
        """Return the input of that name, or None."""
        return next((slot for slot in self.inputs if slot.name == name), None)


@dataclass(frozen=True)
class UIGraph:
    """A graph: the whole workflow, or a subgraph's definition with the names of its inputs."""

    nodes: Mapping[str, UINode]
    wires: Mapping[int | str, Wire]
    input_names: tuple[str, ...] = ()

    @cached_property
    def fed_by_inputs(self) -> Mapping[int, list[Wire]]:
        """The links from a subgraph's inputs, by input index."""
        found: dict[int, list[Wire]] = {}
        for wire in self.wires.values():
            if wire.origin == SUBGRAPH_INPUT:
                found.setdefault(wire.origin_slot, []).append(wire)
        return found

    @cached_property
    def into_outputs(self) -> Mapping[int, Wire]:
        """The links into a subgraph's outputs, by output index."""
        wires = reversed(list(self.wires.values()))
        return {wire.target_slot: wire for wire in wires if wire.target == SUBGRAPH_OUTPUT}

    @cached_property
    def setters(self) -> Mapping[str, UINode]:
        """Set nodes by the name they set."""
        found: dict[str, UINode] = {}
        for node in self.nodes.values():
            name = next(iter(node.listed_values), None)
            if node.type == "SetNode" and isinstance(name, str):
                found.setdefault(name, node)
        return found


def read_graph(raw: Any, place: str) -> UIGraph:
    """Read a workflow or a subgraph's definition.

    Args:
        raw: the JSON.
        place: its name in messages.

    Raises:
        WorkflowError: it does not have the form of a graph.
    """
    graph = _typed(raw, dict, place)
    nodes = [
        read_node(node, f"{place}: nodes[{index}]")
        for index, node in enumerate(_list(graph, "nodes", place))
    ]
    wires = [
        _read_wire(wire, f"{place}: links[{index}]")
        for index, wire in enumerate(_list(graph, "links", place))
        if wire is not None
    ]
    inputs = [_typed(item, dict, f"{place}: inputs") for item in _list(graph, "inputs", place)]
    names = tuple(str(item.get("name")) for item in inputs)
    return UIGraph({node.id: node for node in nodes}, {wire.id: wire for wire in wires}, names)


def read_subgraphs(workflow: Mapping[str, Any]) -> dict[str, UIGraph]:
    """Return the definitions of a workflow's subgraphs by their ids.

    Raises:
        WorkflowError: one of them does not have the form of a graph.
    """
    definitions = _typed(workflow.get("definitions") or {}, dict, "definitions")
    found: dict[str, UIGraph] = {}
    for raw in _list(definitions, "subgraphs", "definitions"):
        key = _typed(raw, dict, "definitions: subgraphs").get("id")
        found[_text(key, "definitions: a subgraph's id")] = read_graph(raw, f"subgraph {key}")
    return found


def read_node(raw: object, place: str) -> UINode:
    """Read a node of a graph.

    Args:
        raw: the JSON.
        place: its name in messages.

    Raises:
        WorkflowError: it does not have the form of a node.
    """
    node = _typed(raw, dict, place)
    kind = _text(node.get("type"), f"{place}: type")
    values = _read_values(node, place)
    outputs = [_typed(item, dict, f"{place}: outputs") for item in _list(node, "outputs", place)]
    mode, title = node.get("mode"), node.get("title")
    return UINode(
        id=str(_key(node.get("id"), f"{place}: id")),
        type=kind,
        title=title if isinstance(title, str) and title else None,
        mode=mode if isinstance(mode, int) else 0,
        inputs=tuple(_read_slot(slot, place) for slot in _list(node, "inputs", place)),
        output_types=tuple(_type_name(item.get("type")) for item in outputs),
        values=values,
        proxies=_read_proxies(node.get("properties")),
    )


def _read_proxies(properties: object) -> tuple[tuple[str, str], ...] | None:
    listed = properties.get("proxyWidgets") if isinstance(properties, dict) else None
    if not isinstance(listed, list) or not listed:  # older editors save an empty list
        return None
    pairs = [entry if isinstance(entry, list) and len(entry) >= 2 else ("", "") for entry in listed]
    return tuple((str(node), str(name)) for node, name, *_ in pairs)


def _read_values(node: Mapping[str, Any], place: str) -> list[Any] | dict[str, Any]:
    """A node's widget values, by name if the editor saved the names as well."""
    named = node.get("widgets_values_named")
    values = named if named and isinstance(named, dict) else node.get("widgets_values")
    if values is not None and not isinstance(values, list | dict):
        raise WorkflowError(f"{place}: widgets_values is neither a list nor an object")
    return values or []


def _read_slot(raw: object, place: str) -> UISlot:
    slot = _typed(raw, dict, f"{place}: inputs")
    link, widget = slot.get("link"), slot.get("widget")
    name = _text(slot.get("name"), f"{place}: an input's name")
    named = widget.get("name") if isinstance(widget, dict) else None
    return UISlot(
        name=name,
        type=_type_name(slot.get("type")),
        link=None if link is None else _key(link, f"{place}: link of {name}"),
        widget=(named if isinstance(named, str) else name) if widget else None,
    )


def _read_wire(raw: object, place: str) -> Wire:
    names = ("id", "origin_id", "origin_slot", "target_id", "target_slot")
    if isinstance(raw, dict):
        fields = [raw.get(name) for name in names]
    else:
        fields = _typed(raw, list, place)[:5]
    if len(fields) < len(names):
        raise WorkflowError(f"{place} has {len(fields)} entries, expected {', '.join(names)}")
    key, origin, origin_slot, target, target_slot = fields
    return Wire(
        _key(key, place),
        str(_key(origin, place)),
        _typed(origin_slot, int, place),
        str(_key(target, place)),
        _typed(target_slot, int, place),
    )


def _list(raw: Mapping[str, Any], name: str, place: str) -> list[Any]:
    value = raw.get(name)
    return [] if value is None else _typed(value, list, f"{place}: {name}")


def _key(value: object, place: str) -> int | str:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise WorkflowError(f"{place}: {quote(value)} is not an id")
    return value


def _text(value: object, place: str) -> str:
    return _typed(value, str, place)


def _type_name(value: object) -> str:
    return value if isinstance(value, str) else "*"


def _typed(value: object, kind: type, place: str) -> Any:
    if not isinstance(value, kind):
        names = {dict: "an object", list: "a list", str: "a string", int: "a whole number"}
        raise WorkflowError(f"{place}: {quote(value)} is not {names[kind]}")
    return value
