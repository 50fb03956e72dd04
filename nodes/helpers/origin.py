"""What a node's result follows from, by the graph that it stands in."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any


def origin_of(hidden: Any) -> str:
    """A digest of a node's inputs and of all nodes that they come from.

    Titles, places and ids of nodes do not count, nor what else is in the graph.

    Args:
        hidden: of a node that asks for the prompt and its own id.

    Returns:
        The same for the same inputs; "" where the node stands in no graph.
    """
    prompt: Mapping[str, Any] = hidden.prompt or {}
    known: dict[str, str] = {}

    def digest(node: str) -> str:
        if node not in known:
            inputs = {name: plain(value) for name, value in prompt[node]["inputs"].items()}
            text = json.dumps([prompt[node]["class_type"], inputs], sort_keys=True)
            known[node] = hashlib.sha256(text.encode()).hexdigest()
        return known[node]

    def plain(value: Any) -> Any:
        source = value[0] if isinstance(value, list) and len(value) == 2 else None
        return [digest(source), value[1]] if isinstance(source, str) and source in prompt else value

    return digest(hidden.unique_id) if hidden.unique_id in prompt else ""
