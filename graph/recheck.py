"""Checks of single nodes with other constants, for prompts that differ in little."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from .schema import ComfyNode
from .validate import check_node, read_entries


class Recheck:
    """Checks nodes of one prompt with other constants; titles and schemas are read once.

    Args:
        prompt: API-format JSON.
        registry: node id -> class.

    Raises:
        GraphError: the prompt is no object of nodes.
    """

    def __init__(self, prompt: object, registry: Mapping[str, type[ComfyNode]]) -> None:
        self._registry = registry
        self._entries = read_entries(prompt, registry, [])

    def problems(self, node: str, inputs: Mapping[str, Any]) -> list[str]:
        """Return what is wrong with a node whose inputs are changed.

        Args:
            node: its id.
            inputs: values in place of those of the prompt.
        """
        entry, found = self._entries[node], list[str]()
        if entry.schema is not None:
            changed = replace(entry, raw={**entry.raw, **inputs})
            kind = self._registry[entry.class_type]
            check_node(changed, entry.schema, kind, self._entries, found)
        return found
