"""Convert group nodes, which older editors keep in `extra.groupNodes`, to subgraphs.

A group's inputs are the inputs of its nodes that are not linked inside it, in node order; widgets
converted to inputs come last. Its outputs are those that no node inside it uses, or that are also
used outside. Its widgets are those of its nodes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .errors import WorkflowError
from .schema import Schema
from .sockets import Input
from .ui_graph import (
    SUBGRAPH_INPUT,
    SUBGRAPH_OUTPUT,
    UIGraph,
    UINode,
    UISlot,
    Wire,
    read_node,
)
from .values import widget_of
from .widgets import pair_values, widget_values

PREFIXES = ("workflow>", "workflow/")
"""Prefixes of a group's name in the type of its instances."""

MOST_DEPTH = 32
"""Maximum nesting depth of groups."""

SchemaOf = Callable[[str], Schema | None]


@dataclass
class _Names:
    """Names of a group's inputs; a repeated name is prefixed with its node's title."""

    seen: dict[str, int] = field(default_factory=dict)

    def take(self, node: UINode, name: str) -> str:
        title, given = node.title or node.type, name
        if name in self.seen or (node.type == "PrimitiveNode" and node.title):
            given = f"{title} {name}"
            if given in self.seen:
                given = f"{title} {self.seen[given]} {name}"
        self.seen[given] = self.seen.get(given, 1) + 1
        return given


@dataclass
class _Group:
    """A parsed definition: its nodes, their links, and the inputs and widgets the group exposes."""

    nodes: list[UINode]
    links: list[tuple[int, int, int, int]]
    external: set[tuple[int, int]]
    config: Mapping[str, Any]
    inputs: list[tuple[int, int, str]] = field(default_factory=list)
    widgets: list[tuple[int, str, str, Input | None]] = field(default_factory=list)

    def shows(self, index: int, side: str, name: str) -> bool:
        """Return whether an input or output is visible, which the user may turn off."""
        told: Any = self.config
        for key in (str(index), side, name):
            told = told.get(key) if isinstance(told, Mapping) else None
        return not (isinstance(told, Mapping) and told.get("visible") is False)

    def collect(self, schema_of: SchemaOf) -> None:
        """Collect the group's inputs and widgets in the editor's order."""
        names, fed = _Names(), {(target, slot) for _, _, target, slot in self.links}
        late: list[tuple[int, int, UISlot, Input | None]] = []
        for index, node in self._used():
            specs = _widgets(node, schema_of(node.type))
            slots = {slot.widget: place for place, slot in enumerate(node.inputs) if slot.widget}
            for name, spec in specs.items():
                place = slots.get(name)
                if not self.shows(index, "input", name) or (index, place) in fed:
                    continue
                if place is None:
                    self.widgets.append((index, name, names.take(node, name), spec))
                else:
                    late.append((index, place, node.inputs[place], spec))
            for place, slot in enumerate(node.inputs):
                free = slot.widget is None and (index, place) not in fed
                if free and self.shows(index, "input", slot.name):
                    self.inputs.append((index, place, names.take(node, slot.name)))
        for index, place, slot, spec in late:
            name = names.take(self.nodes[index], slot.name)
            self.inputs.append((index, place, name))
            self.widgets.append((index, slot.widget or slot.name, name, spec))

    def outputs(self) -> Iterator[tuple[int, int]]:
        """Yield the group's outputs as (node index, output index)."""
        taken = {(source, slot) for source, slot, _, _ in self.links}
        for index, node in self._used():
            for slot in range(len(node.output_types)):
                inside = (index, slot) in taken - self.external
                if not inside and self.shows(index, "output", str(slot)):
                    yield index, slot

    def _used(self) -> Iterator[tuple[int, UINode]]:
        """All nodes except primitives that feed nothing."""
        sources = {source for source, *_ in self.links}
        for index, node in enumerate(self.nodes):
            if node.type != "PrimitiveNode" or index in sources:
                yield index, node


def open_groups(
    workflow: Mapping[str, Any],
    root: UIGraph,
    definitions: Mapping[str, UIGraph],
    schema_of: SchemaOf,
) -> tuple[UIGraph, dict[str, UIGraph]]:
    """Return a workflow in which every group node is an instance of its own subgraph.

    Args:
        workflow: JSON with the groups in ``extra``.
        root, definitions: the graph and subgraph definitions read from it.
        schema_of: node type -> schema, or None for an unknown type.

    Raises:
        WorkflowError: a group is malformed or contains itself.
    """
    extra = workflow.get("extra")
    groups = extra.get("groupNodes") if isinstance(extra, Mapping) else None
    if not isinstance(groups, Mapping) or not groups:
        return root, dict(definitions)
    made: dict[str, UIGraph] = {}

    def opened(graph: UIGraph, place: str, depth: int) -> UIGraph:
        if depth > MOST_DEPTH:
            raise WorkflowError(
                "the workflow's group nodes contain themselves or are nested too deeply"
            )
        nodes = dict(graph.nodes)
        for key, node in graph.nodes.items():
            name = _group_name(node.type)
            if name in groups:
                kind = f"{place}{key}:{node.type}"
                inside, nodes[key] = _instance(groups[name], node, kind, schema_of)
                made[kind] = opened(inside, f"{place}{key}:", depth + 1)
        return replace(graph, nodes=nodes)

    drawn = opened(root, "", 0)
    each = {key: opened(graph, f"{key}:", 0) for key, graph in definitions.items()}
    return drawn, {**each, **made}


def _group_name(kind: str) -> str | None:
    return next((kind.removeprefix(each) for each in PREFIXES if kind.startswith(each)), None)


def _instance(
    raw: object, instance: UINode, kind: str, schema_of: SchemaOf
) -> tuple[UIGraph, UINode]:
    """Return one instance's subgraph with its widget values set, and its node as an instance of it.

    Raises:
        WorkflowError: the definition does not have the form of a group.
    """
    group = _read_group(raw, f"group node {instance.type}")
    group.collect(schema_of)
    wires = [
        *(Wire(0, str(a), b, str(c), d) for a, b, c, d in group.links),
        *(Wire(0, SUBGRAPH_INPUT, j, str(a), b) for j, (a, b, _) in enumerate(group.inputs)),
        *(Wire(0, str(a), b, SUBGRAPH_OUTPUT, j) for j, (a, b) in enumerate(group.outputs())),
    ]
    numbered: dict[int | str, Wire] = {
        number: wire._replace(id=number) for number, wire in enumerate(wires)
    }
    into = {(wire.target, wire.target_slot): number for number, wire in numbered.items()}
    given = _values(group, instance)
    nodes = {}
    for index, node in enumerate(group.nodes):
        slots = (replace(s, link=into.get((node.id, k))) for k, s in enumerate(node.inputs))
        values = _node_values(node, schema_of(node.type), given.get(index, {}))
        nodes[node.id] = replace(node, inputs=tuple(slots), values=values)
    names = tuple(name for *_, name in group.inputs)
    inputs = _named_as(names, instance.inputs)
    return UIGraph(nodes, numbered, names), replace(instance, type=kind, inputs=inputs, values=[])


def _read_group(raw: Any, place: str) -> _Group:
    try:
        nodes = [{**each, "id": index} for index, each in enumerate(raw["nodes"])]
        links = [
            (int(a), int(b), int(c), int(d)) for a, b, c, d, *_ in raw["links"] if a is not None
        ]
        external = {(int(index), int(slot)) for index, slot, *_ in raw.get("external") or ()}
        config = raw.get("config") or {}
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise WorkflowError(f"{place} is broken: save the workflow again in the editor") from error
    read = [read_node(each, f"{place}: nodes[{each['id']}]") for each in nodes]
    return _Group(read, links, external, config)


def _widgets(node: UINode, schema: Schema | None) -> dict[str, Input | None]:
    if node.type == "PrimitiveNode":
        return {"value": None}
    if schema is None:
        return {slot.widget: None for slot in node.inputs if slot.widget}
    return {spec.id: spec for spec in schema.inputs if widget_of(spec)}


def _values(group: _Group, instance: UINode) -> dict[int, dict[str, Any]]:
    """Widget values of an instance by node index."""
    if isinstance(instance.values, dict):
        paired: Mapping[str, Any] = instance.values
    else:  # a primitive node's value is followed by a control, as a seed is
        keys = [name for *_, name, _ in group.widgets]
        specs = {name: spec for *_, name, spec in group.widgets if spec is not None}
        controlled = {
            name
            for index, own, name, _ in group.widgets
            if own in ("seed", "noise_seed") or group.nodes[index].type == "PrimitiveNode"
        }
        paired = pair_values(keys, instance.values, specs, controlled)
    found: dict[int, dict[str, Any]] = {}
    for index, own, name, _ in group.widgets:
        if name in paired:
            found.setdefault(index, {})[own] = paired[name]
    return found


def _node_values(
    node: UINode, schema: Schema | None, given: Mapping[str, Any]
) -> list[Any] | dict[str, Any]:
    if not given:
        return node.values
    if node.type == "PrimitiveNode":
        return list(given.values())
    return {**widget_values(node, schema), **given}


def _named_as(names: tuple[str, ...], inputs: tuple[UISlot, ...]) -> tuple[UISlot, ...]:
    """Inputs of an instance with the names of its group, matched by position if renamed."""
    if all(slot.name in names for slot in inputs):
        return inputs
    return tuple(replace(slot, name=name) for slot, name in zip(inputs, names, strict=False))
