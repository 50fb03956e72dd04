"""Identify what a node's result depends on in its graph."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from .ahead import inputs_of, source_of


def origin_of(hidden: Any) -> str:
    """Return a digest of a node's inputs and of all nodes upstream of it.

    Titles, positions and ids of nodes do not count, nor does the rest of the graph.

    Args:
        hidden: of a node that requests the prompt and its own id.

    Returns:
        The same for the same inputs; "" if the node is in no graph.
    """
    prompt: Mapping[str, Any] = hidden.prompt or {}
    known: dict[str, str] = {}
    left = [hidden.unique_id] if hidden.unique_id in prompt else []
    while left:
        node, inputs = left[-1], inputs_of(prompt, left[-1])
        sources = {name: source_of(prompt, value) for name, value in inputs.items()}
        missing = [each for each in sources.values() if each is not None and each not in known]
        if missing:
            left += missing
            continue
        plain = {
            name: value if (source := sources[name]) is None else [known[source], value[1]]
            for name, value in inputs.items()
        }
        text = json.dumps([prompt[node]["class_type"], plain], sort_keys=True)
        known[node] = hashlib.sha256(text.encode()).hexdigest()
        left.pop()
    return known.get(hidden.unique_id, "")
