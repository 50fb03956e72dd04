"""The nodes that the host knows, by id."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from .errors import listed
from .schema import ComfyNode


class Registry(dict[str, type[ComfyNode]]):
    """Node id -> node class; ``elsewhere`` names replacements for unknown ids."""

    elsewhere: Mapping[str, str] = MappingProxyType({})

    @classmethod
    def from_nodes(
        cls,
        nodes: Iterable[type[ComfyNode]],
        *,
        elsewhere: Mapping[str, str] = MappingProxyType({}),
    ) -> Registry:
        """Return a registry of the given classes.

        Raises:
            ValueError: two different classes have the same node id.
        """
        registry = cls()
        registry.elsewhere = elsewhere
        for node in nodes:
            node_id = node.GET_SCHEMA().node_id
            other = registry.setdefault(node_id, node)
            if other is not node:
                raise ValueError(
                    f"node id {node_id!r} is defined twice: by {_place(other)} and {_place(node)}"
                )
        return registry

    def equivalents(self, class_types: Iterable[str]) -> list[str]:
        """Return a hint for each known replacement of the given unknown node types."""
        found: dict[str, list[str]] = {}
        for name in dict.fromkeys(class_types):
            if name in self.elsewhere:
                found.setdefault(self.elsewhere[name], []).append(name)
        return [f"use {ours} instead of {listed(names)}" for ours, names in found.items()]


def _place(node: type[ComfyNode]) -> str:
    return f"{node.__module__}.{node.__qualname__}"
