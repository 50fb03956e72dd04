"""Match file names in graphs from other machines: different slashes, case or folders."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..media import is_whole_path, shown
from ..media.names import moved_name, same_name
from .errors import node_label
from .schema import ComfyNode, Schema
from .sockets import Combo
from .validate import node_title

_SUFFIX = re.compile(r"\.[A-Za-z]\w{1,11}$")


def with_own_names(
    prompt: Mapping[str, Any],
    registry: Mapping[str, type[ComfyNode]],
    tell: Callable[[str], None],
) -> dict[str, Any]:
    """Return a prompt in which files have the names that this host has for them.

    Values that are not file names, that exist as they are, or that match several files are kept.

    Args:
        prompt: API-format JSON.
        registry: node id -> class; the options of its inputs are the files that exist.
        tell: called with a message for each file found in a different folder than the graph names.
    """
    schemas: dict[str, Schema] = {}
    changed = dict(prompt)
    for key, raw in prompt.items():
        kind = raw.get("class_type") if isinstance(raw, dict) else None
        inputs = raw.get("inputs") if isinstance(raw, dict) else None
        if not isinstance(kind, str) or kind not in registry or not isinstance(inputs, dict):
            continue
        schema = schemas[kind] = schemas.get(kind) or registry[kind].GET_SCHEMA()
        label = node_label(key, node_title(raw, schema), kind)
        moved = dict(_moved(inputs, schema, lambda text, label=label: tell(f"{label}: {text}")))
        if moved:
            changed[key] = {**raw, "inputs": {**inputs, **moved}}
    return changed


def _moved(
    inputs: Mapping[str, Any], schema: Schema, tell: Callable[[str], None]
) -> Iterator[tuple[str, str]]:
    for spec in schema.inputs:
        value = inputs.get(spec.id)
        options = spec.options if isinstance(spec, Combo.Input) else []
        if not isinstance(value, str) or value in options or not _SUFFIX.search(value):
            continue
        if is_whole_path(value):
            continue
        names = [option for option in options if isinstance(option, str)]
        found = moved_name(value, names)
        if found is not None:
            if same_name(value, names) is None:
                tell(f"input {spec.id}: {shown(value)} not found, using {shown(found)}")
            yield spec.id, found
