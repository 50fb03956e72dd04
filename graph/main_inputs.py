"""Find the inputs that users vary first: a graph's seed and its prompt."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .addresses import Address
from .dynamic_prompts import SEEDS
from .schema import ComfyNode, Schema
from .sockets import String
from .validate import read_link
from .values import widget_of

PROMPTS = ("text", "prompt")
POSITIVE, NEGATIVE = "positive", "negative"


def seed_inputs(
    prompt: Mapping[str, Any], registry: Mapping[str, type[ComfyNode]]
) -> list[Address]:
    """Return the noise seeds of a prompt, or all its seeds if none is for noise.

    A linked seed is traced to the widget that it comes from.

    Args:
        prompt: API-format JSON.
        registry: node id -> class.
    """
    found: dict[Address, bool] = {}
    for key, raw, schema in _known(prompt, registry):
        for spec in schema.inputs:
            if spec.id in SEEDS and spec.get_io_type() == "INT":
                address = _origin(prompt, registry, Address(key, spec.id), raw)
                if address is not None:
                    found[address] = found.get(address, False) or _samples(schema)
    noise = [address for address, samples in found.items() if samples]
    return noise or list(found)


def prompt_inputs(
    prompt: Mapping[str, Any], registry: Mapping[str, type[ComfyNode]]
) -> list[Address]:
    """Return the prompt texts that feed an input named positive, or all of them if none does.

    Args:
        prompt: API-format JSON.
        registry: node id -> class.
    """
    texts = {
        key: _origin(prompt, registry, Address(key, name), raw)
        for key, raw, schema in _known(prompt, registry)
        for name in _texts(schema)
    }
    roots = [
        link.node
        for _, raw, _ in _known(prompt, registry)
        if (link := read_link(_inputs(raw).get(POSITIVE)))
    ]
    above = _above(prompt, roots, stops=texts)
    chosen = [each for key, each in texts.items() if key in above] or list(texts.values())
    return list(dict.fromkeys(each for each in chosen if each is not None))


def _known(
    prompt: Mapping[str, Any], registry: Mapping[str, type[ComfyNode]]
) -> Iterator[tuple[str, Mapping[str, Any], Schema]]:
    for key, raw in prompt.items():
        kind = raw.get("class_type") if isinstance(raw, dict) else None
        if isinstance(kind, str) and kind in registry:
            yield key, raw, registry[kind].GET_SCHEMA()


def _inputs(raw: object) -> Mapping[str, Any]:
    given = raw.get("inputs") if isinstance(raw, dict) else None
    return given if isinstance(given, dict) else {}


def _samples(schema: Schema) -> bool:
    """Whether a node's seed is for noise rather than for a scene or a choice."""
    makes = {output.get_io_type() for output in schema.outputs}
    takes = {spec.get_io_type() for spec in schema.inputs}
    return "NOISE" in makes or not takes.isdisjoint({"MODEL", "GUIDER"})


def _texts(schema: Schema) -> list[str]:
    """Inputs of a node that hold a prompt: the texts of nodes that output conditioning."""
    if not any(output.get_io_type() == "CONDITIONING" for output in schema.outputs):
        return []
    texts = [spec.id for spec in schema.inputs if isinstance(widget_of(spec), String.Input)]
    return [name for name in texts if name in PROMPTS] or texts[:1]


def _origin(
    prompt: Mapping[str, Any],
    registry: Mapping[str, type[ComfyNode]],
    address: Address,
    raw: Mapping[str, Any],
) -> Address | None:
    """The widget that an input's value comes from, or None if a node computes the value."""
    seen = {address.node}
    while link := read_link(_inputs(raw).get(address.input)):
        source = next(_known({link.node: prompt.get(link.node)}, registry), None)
        if source is None or link.node in seen:
            return None
        seen.add(link.node)
        key, raw, schema = source
        widgets = [spec.id for spec in schema.inputs if widget_of(spec)]
        if len(schema.inputs) != 1 or not widgets:
            return None
        address = Address(key, widgets[0])
    return address


def _above(prompt: Mapping[str, Any], roots: list[str], stops: Mapping[str, object]) -> set[str]:
    """The roots and all nodes that feed them except as negative, going no further than `stops`."""
    seen: set[str] = set()
    todo = list(roots)
    while todo:
        key = todo.pop()
        if key in seen:
            continue
        seen.add(key)
        if key not in stops:
            feeds = _inputs(prompt.get(key)).items()
            links = [read_link(value) for name, value in feeds if name != NEGATIVE]
            todo += [link.node for link in links if link]
    return seen
