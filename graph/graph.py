"""A checked prompt: nodes with their classes and links, in execution order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from .errors import node_label
from .schema import ComfyNode, Schema


class Link(NamedTuple):
    """An output of a node: node id and output index."""

    node: str
    slot: int


@dataclass(frozen=True, kw_only=True)
class GraphNode:
    """A node of a prompt; `inputs` holds `Link`s and constants by input id."""

    id: str
    title: str
    class_type: str
    node: type[ComfyNode]
    schema: Schema
    inputs: Mapping[str, Any]

    @property
    def label(self) -> str:
        """The node's name for messages."""
        return node_label(self.id, self.title, self.class_type)

    @property
    def takes(self) -> frozenset[str]:
        """Socket types of its inputs."""
        return frozenset(spec.get_io_type() for spec in self.schema.inputs)

    @property
    def links(self) -> list[Link]:
        """The outputs that feed this node."""
        return [value for value in self.inputs.values() if isinstance(value, Link)]


@dataclass(frozen=True)
class Graph:
    """The output nodes and all nodes they need, each after those that feed it."""

    nodes: Mapping[str, GraphNode]

    @property
    def output_nodes(self) -> list[str]:
        """Ids of the output nodes."""
        return [key for key, node in self.nodes.items() if node.schema.is_output_node]


class CycleError(ValueError):
    """Some nodes depend on each other; `ids` lists the cycle and ends with its first id."""

    def __init__(self, ids: list[str]) -> None:
        self.ids = ids
        super().__init__(" -> ".join(ids))


def order_nodes(wanted: Iterable[str], feeds: Mapping[str, Iterable[str]]) -> list[str]:
    """Return the wanted nodes and all that feed them, each after the nodes that feed it.

    The order depends only on the order of `wanted` and of each node's feeds. It goes branch by
    branch, so that a result is used soon after it is computed.

    Args:
        wanted: ids of the nodes to reach.
        feeds: id -> ids of the nodes that feed it; ids without an entry are left out.

    Raises:
        CycleError: some nodes depend on each other.
    """
    done: dict[str, None] = {}
    for root in wanted:
        path = {root: iter(feeds.get(root, ()))} if root in feeds else {}
        while path:
            current = next(reversed(path))
            following = next((f for f in path[current] if f in feeds and f not in done), None)
            if following is None:
                path.popitem()
                done[current] = None
            elif following in path:
                ring = list(path)[list(path).index(following) :]
                raise CycleError([*ring, following])
            else:
                path[following] = iter(feeds[following])
    return list(done)
