"""The nodes that the host knows, by their ids."""

from __future__ import annotations

from collections.abc import Iterable

from .schema import ComfyNode


class Registry(dict[str, type[ComfyNode]]):
    """Node id -> node class."""

    @classmethod
    def from_nodes(cls, nodes: Iterable[type[ComfyNode]]) -> Registry:
        """Return the registry of the given classes.

        Raises:
            ValueError: two different classes have the same node id.
        """
        registry = cls()
        for node in nodes:
            node_id = node.GET_SCHEMA().node_id
            other = registry.setdefault(node_id, node)
            if other is not node:
                raise ValueError(
                    f"node id {node_id!r} is defined twice: by {_place(other)} and {_place(node)}"
                )
        return registry


def _place(node: type[ComfyNode]) -> str:
    return f"{node.__module__}.{node.__qualname__}"
