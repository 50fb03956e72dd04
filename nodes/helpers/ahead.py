"""What a node's result goes into, by the graph that it stands in."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

INSTEAD = {
    "KSampler": "Sample",
    "KSamplerAdvanced": "Sample",
    "SamplerCustom": "Sample",
    "SamplerCustomAdvanced": "Sample",
    "VAEDecode": "Decode Video",
    "VAEDecodeTiled": "Decode Video",
}
"""The host's nodes that see a LATENT's samples alone, and the pack's that see all of it."""

HOLDING = {"SpacetimeDecodeVideo", "SpacetimeDecodeTimeline", "VAEDecode", "VAEDecodeTiled"}
"""Nodes behind which all frames are one tensor, in a host whose pictures are such."""

_DECODES = "Decode"
"""In the types of nodes behind which there is no LATENT any more."""


def types_after(hidden: Any) -> set[str]:
    """Types of the nodes that get a LATENT on its way, to where it is decoded.

    Args:
        hidden: of the node that makes it, which asks for the prompt and its own id.

    Returns:
        Empty where the node stands in no graph.
    """
    prompt: Mapping[str, Any] = (hidden.prompt if hidden else None) or {}
    takers: dict[str, list[str]] = defaultdict(list)
    for id in prompt:
        for value in inputs_of(prompt, id).values():
            if (source := source_of(prompt, value)) is not None:
                takers[source].append(id)
    reached: set[str] = set()
    left = list(takers[hidden.unique_id]) if prompt else []
    while left:
        id = left.pop()
        if id not in reached:
            reached.add(id)
            left += [] if _DECODES in prompt[id]["class_type"] else takers[id]
    return {prompt[id]["class_type"] for id in reached}


def inputs_of(prompt: Mapping[str, Any], id: str) -> Mapping[str, Any]:
    """The inputs of a node, none where a prompt leaves them out."""
    return prompt[id].get("inputs") or {}


def source_of(prompt: Mapping[str, Any], value: object) -> str | None:
    """The node that an input's value comes from; None for a constant."""
    if not isinstance(value, list) or len(value) != 2 or not isinstance(value[0], str | int):
        return None
    source = str(value[0])
    return source if source in prompt else None
