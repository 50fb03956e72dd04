"""Expand a workflow's subgraphs: one scope per instance, with links traced through them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from .errors import WorkflowError
from .ui_graph import (
    BYPASSED,
    MUTED,
    SUBGRAPH_INPUT,
    UIGraph,
    UINode,
    UISlot,
    Wire,
)
from .values import are_compatible

VIRTUAL_TYPES = frozenset(
    {"Note", "MarkdownNote", "PrimitiveNode", "Reroute", "GetNode", "SetNode"}
)
"""Nodes that exist only in the editor."""

DECOR_TYPES = frozenset(
    f"{name} (rgthree)"
    for name in (
        "Bookmark",
        "Fast Actions Button",
        "Fast Bypasser",
        "Fast Groups Bypasser",
        "Fast Groups Muter",
        "Fast Muter",
        "Label",
        "Mute / Bypass Relay",
        "Mute / Bypass Repeater",
        "Node Collector",
        "Random Unmuter",
    )
)
"""Nodes of a common pack that only label a graph, or switch its nodes on and off."""

EDITOR_ONLY = VIRTUAL_TYPES | DECOR_TYPES

_MOST_DEPTH = 32
_MOST_NODES = 20_000

_MOST_HOPS = 1_000_000
"""Maximum number of steps in tracing all links: reroutes, bypassed inputs, subgraph boundaries."""


class Hops:
    """Counts the steps in tracing a workflow's links, so that no small file can take hours."""

    def __init__(self) -> None:
        self._left = _MOST_HOPS

    def spend(self, count: int) -> None:
        """Add to the count.

        Raises:
            WorkflowError: the limit is exceeded.
        """
        self._left -= count
        if self._left < 0:
            raise WorkflowError(
                f"the workflow's links pass {_MOST_HOPS} reroutes, bypassed nodes and subgraph "
                "boundaries: connect the nodes directly"
            )


@dataclass(frozen=True, eq=False)
class Scope:
    """A graph in context: the workflow itself, or one instance of a subgraph.

    `prefix` starts the ids of its nodes ("" or "12:"); `instance` is its node in `parent`;
    `children` are the subgraphs in it by instance id; `hops` counts the tracing steps of the whole
    workflow.
    """

    graph: UIGraph
    prefix: str = ""
    parent: Scope | None = None
    instance: UINode | None = None
    children: dict[str, Scope] = field(default_factory=dict)
    hops: Hops = field(default_factory=Hops)

    def id_of(self, node: UINode) -> str:
        """Return a node's id in the prompt."""
        return f"{self.prefix}{node.id}"

    @cached_property
    def promoted(self) -> Set[str]:
        """Names of the subgraph's inputs that stand for widgets of nodes in it."""
        names = enumerate(self.graph.input_names)
        return {name for slot, name in names if _is_promoted_widget(self, slot)}

    @cached_property
    def widget_places(self) -> Mapping[str, int]:
        """Input name -> position of its value in the instance's list of widget values."""
        names = self.graph.input_names
        proxies = self.instance.proxies if self.instance else None
        if proxies is not None:
            shown = [name if node == "-1" else None for node, name in proxies]
        else:
            shown = [name for name in names if name in self.promoted]
        places = reversed(list(enumerate(shown)))
        return {name: place for place, name in places if name is not None}

    def nodes(self) -> Iterator[tuple[Scope, UINode]]:
        """Yield every real node that runs; a subgraph's nodes take the place of its instance."""
        for node in self.graph.nodes.values():
            if node.id in self.children:
                yield from self.children[node.id].nodes()
            elif node.type not in EDITOR_ONLY and node.mode not in (
                MUTED,
                BYPASSED,
            ):
                yield self, node


class Source(NamedTuple):
    """An output of a real node, given by the node's id in the prompt."""

    node: str
    slot: int


class Constant(NamedTuple):
    """A value from a primitive node or from a subgraph's own widget."""

    value: Any


class Shared(NamedTuple):
    """The value of a widget that several inputs share; it belongs to the first of them."""

    node: UINode
    widget: str


class Lost(NamedTuple):
    """No value: the link ends at a node that does not run."""


class _Hop(NamedTuple):
    scope: Scope
    link: int | str | None


def open_subgraphs(workflow: UIGraph, definitions: Mapping[str, UIGraph]) -> Scope:
    """Return the scope of a workflow, with a child scope for every subgraph instance that runs.

    Raises:
        WorkflowError: a subgraph contains itself, or the expanded workflow is too large.
    """
    root = Scope(workflow)
    pending, count = [(root, 0)], 0
    while pending:
        scope, depth = pending.pop()
        count += 1 + len(scope.graph.nodes)
        if depth > _MOST_DEPTH:
            raise WorkflowError(
                "the workflow's subgraphs contain themselves or are nested too deeply"
            )
        if count > _MOST_NODES:
            raise WorkflowError(
                f"with its subgraphs expanded, the workflow has more than {_MOST_NODES} nodes: "
                "run it in parts"
            )
        for node in scope.graph.nodes.values():
            if node.type in definitions and node.mode not in (MUTED, BYPASSED):
                prefix = f"{scope.id_of(node)}:"
                child = Scope(definitions[node.type], prefix, scope, node, hops=root.hops)
                scope.children[node.id] = child
                pending.append((child, depth + 1))
    return root


def trace(scope: Scope, consumer: UISlot) -> Source | Constant | Shared | Lost | None:
    """Follow an input's link back to its source; return None if there is none.

    Raises:
        WorkflowError: the links form a cycle.
    """
    seen: set[tuple[str, int | str]] = set()
    link = consumer.link
    while link is not None:
        if (scope.prefix, link) in seen:
            raise WorkflowError(f"link {scope.prefix}{link} is part of a cycle")
        scope.hops.spend(1)
        seen.add((scope.prefix, link))
        wire = scope.graph.wires.get(link)
        step = _step_back(scope, wire, consumer.type) if wire else None
        if not isinstance(step, _Hop):
            return step
        scope, link = step
    return None


def _step_back(
    scope: Scope, wire: Wire, wanted: str
) -> Source | Constant | Shared | Lost | _Hop | None:
    if wire.origin == SUBGRAPH_INPUT and scope.parent and scope.instance:
        return _leave(scope, scope.parent, scope.instance, wire.origin_slot)
    node = scope.graph.nodes.get(wire.origin)
    if node is None:
        return None
    if node.type == "PrimitiveNode":
        values = node.listed_values
        return Constant(values[0]) if values else None
    if node.mode == MUTED:
        return Lost()
    if node.type in VIRTUAL_TYPES:
        return _through_virtual(scope, node)
    if node.mode == BYPASSED:
        scope.hops.spend(len(node.inputs))
        passed = _passed_input(node, wire.origin_slot, wanted)
        return _Hop(scope, passed.link) if passed and passed.link is not None else Lost()
    if node.id in scope.children:
        return _enter(scope.children[node.id], wire.origin_slot)
    return Source(scope.id_of(node), wire.origin_slot)


def _leave(
    scope: Scope, parent: Scope, instance: UINode, slot: int
) -> Constant | Shared | _Hop | None:
    """Continue outside a subgraph: at its instance's link, or the value of its own widget."""
    names = scope.graph.input_names
    if not 0 <= slot < len(names):
        return None
    outer = instance.input_named(names[slot])
    if outer and outer.link is not None and outer.link in parent.graph.wires:
        return _Hop(parent, outer.link)
    value = _instance_value(scope, instance, slot)
    return _first_target(scope, slot) if value is None else Constant(value)


def _instance_value(scope: Scope, instance: UINode, slot: int) -> Any:
    """The value of an instance's own widget for an input of its subgraph, or None."""
    name, values = scope.graph.input_names[slot], instance.values
    if isinstance(values, dict):
        return values.get(name)
    place = scope.widget_places.get(name)
    return values[place] if place is not None and place < len(values) else None


def _first_target(scope: Scope, slot: int) -> Shared | None:
    """The widget that a subgraph's input stands for: the first one it feeds."""
    for wire in scope.graph.fed_by_inputs.get(slot, ()):
        node = scope.graph.nodes.get(wire.target)
        if node is None:
            continue
        if node.id in scope.children or not 0 <= wire.target_slot < len(node.inputs):
            return None
        widget = node.inputs[wire.target_slot].widget
        return Shared(node, widget) if widget else None
    return None


def _is_promoted_widget(scope: Scope, slot: int) -> bool:
    """Return whether a subgraph's input stands for a widget of a node in it."""
    for wire in scope.graph.fed_by_inputs.get(slot, ()):
        node = scope.graph.nodes.get(wire.target)
        if node is None or not 0 <= wire.target_slot < len(node.inputs):
            continue
        target = node.inputs[wire.target_slot]
        child = scope.children.get(node.id)
        if child and target.name in child.graph.input_names:
            if target.name in child.promoted:
                return True
        elif target.widget:
            return True
    return False


def _enter(child: Scope, slot: int) -> _Hop | None:
    """Continue inside a subgraph, at the link that feeds one of its outputs."""
    wire = child.graph.into_outputs.get(slot)
    return _Hop(child, wire.id) if wire else None


def _through_virtual(scope: Scope, node: UINode) -> _Hop | None:
    if node.type != "GetNode":
        return _Hop(scope, _first_link(node))
    setter = _find_setter(scope, next(iter(node.listed_values), None))
    return _Hop(setter[0], _first_link(setter[1])) if setter else None


def _find_setter(scope: Scope | None, name: object) -> tuple[Scope, UINode] | None:
    while scope is not None and isinstance(name, str):
        if setter := scope.graph.setters.get(name):
            return scope, setter
        scope = scope.parent
    return None


def _first_link(node: UINode) -> int | str | None:
    return node.inputs[0].link if node.inputs else None


def _passed_input(node: UINode, slot: int, wanted: str) -> UISlot | None:
    """The input that a bypassed node passes on as one of its outputs, chosen as the editor does.

    It is the input at the same position if its type fits, else the first input of exactly the
    consumer's type, else the first that fits.
    """
    if not 0 <= slot < len(node.output_types):
        return None
    same_place = node.inputs[slot : slot + 1]
    if wanted in ("*", ""):
        return next(iter([*same_place, *node.inputs]), None)
    kinds = (node.output_types[slot], wanted)
    fitting = [i for i in node.inputs if all(are_compatible(i.type, kind) for kind in kinds)]
    exact = [i for i in node.inputs if i.type == wanted]
    first = [i for i in same_place if i in fitting]
    return next(iter([*first, *exact, *fitting]), None)
