"""Recheck single nodes with other constants, for prompts that differ only slightly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from .schema import ComfyNode
from .validate import check_node, read_entries


class Recheck:
    """Checks nodes of one prompt with other constants; titles and schemas are read only once.

    Args:
        prompt: API-format JSON.
        registry: node id -> class.

    Raises:
        GraphError: the prompt is not an object of nodes, or is empty.
    """

    def __init__(self, prompt: object, registry: Mapping[str, type[ComfyNode]]) -> None:
        self._registry = registry
        self._entries = read_entries(prompt, registry, [])

    def problems(self, node: str, inputs: Mapping[str, Any]) -> list[str]:
        """Return the problems of a node with changed inputs.

        Args:
            node: its id.
            inputs: values that replace those in the prompt.
        """
        entry, found = self._entries[node], list[str]()
        if entry.schema is not None:
            changed = replace(entry, raw={**entry.raw, **inputs})
            kind = self._registry[entry.class_type]
            check_node(changed, entry.schema, kind, self._entries, found)
        return found
