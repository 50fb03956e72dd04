"""Find the nodes that a node's result reaches in its graph."""

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
"""The host's nodes that see only a LATENT's samples, and the pack's nodes that see all of it."""

HOLDING = {"SpacetimeDecodeVideo", "SpacetimeDecodeTimeline", "VAEDecode", "VAEDecodeTiled"}
"""Nodes after which all frames are one tensor, in a host that keeps images as tensors."""

_DECODES = "Decode"
"""Part of the type names of nodes after which there is no LATENT any more."""


def types_after(hidden: Any) -> set[str]:
    """Return the types of the nodes that a LATENT reaches before it is decoded.

    Args:
        hidden: of the node that creates it, which requests the prompt and its own id.

    Returns:
        Empty if the node is in no graph.
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
    """The inputs of a node; empty if the prompt leaves them out."""
    return prompt[id].get("inputs") or {}


def source_of(prompt: Mapping[str, Any], value: object) -> str | None:
    """The id of the node that an input's value comes from; None for a constant."""
    if not isinstance(value, list) or len(value) != 2 or not isinstance(value[0], str | int):
        return None
    source = str(value[0])
    return source if source in prompt else None
