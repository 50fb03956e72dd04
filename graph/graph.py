"""A checked prompt: nodes with their classes and links, in the order in which they run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from .errors import node_label
from .schema import ComfyNode, Schema


class Link(NamedTuple):
    """An output of a node: the node's id and the index of the output."""

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
        """How messages name the node."""
        return node_label(self.id, self.title, self.class_type)

    @property
    def takes(self) -> frozenset[str]:
        """Types of the sockets of its inputs."""
        return frozenset(spec.get_io_type() for spec in self.schema.inputs)

    @property
    def links(self) -> list[Link]:
        """The outputs that feed this node."""
        return [value for value in self.inputs.values() if isinstance(value, Link)]


@dataclass(frozen=True)
class Graph:
    """Everything the output nodes need, each node after those that feed it."""

    nodes: Mapping[str, GraphNode]

    @property
    def output_nodes(self) -> list[str]:
        """Ids of the nodes whose effects are wanted."""
        return [key for key, node in self.nodes.items() if node.schema.is_output_node]


class CycleError(ValueError):
    """Nodes that need each other; `ids` goes round once and ends where it began."""

    def __init__(self, ids: list[str]) -> None:
        self.ids = ids
        super().__init__(" -> ".join(ids))


def order_nodes(wanted: Iterable[str], feeds: Mapping[str, Iterable[str]]) -> list[str]:
    """Return the wanted nodes and all that feed them, each after what feeds it.

    The order depends only on the order of `wanted` and of each node's feeds: branch by branch,
    so that a result is used soon after it is made.

    Args:
        wanted: ids of the nodes to reach.
        feeds: id -> ids of the nodes that feed it; ids without an entry are left out.

    Raises:
        CycleError: some nodes need each other.
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
