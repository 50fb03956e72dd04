"""Describe nodes as ComfyUI's server does, for tools that read `/object_info`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any

from .schema import ComfyNode
from .sockets import Combo, Input, MultiType, Output, WidgetInput

SENT_AS: Mapping[str, str] = {
    "socketless": "socketless",
    "widget_type": "widgetType",
    "force_input": "forceInput",
    "label_on": "label_on",
    "label_off": "label_off",
    "min": "min",
    "max": "max",
    "step": "step",
    "round": "round",
    "display_mode": "display",
    "multiline": "multiline",
    "placeholder": "placeholder",
    "dynamic_prompts": "dynamicPrompts",
    "options": "options",
    "control_after_generate": "control_after_generate",
    "image_folder": "image_folder",
    "default": "default",
    "display_name": "display_name",
    "tooltip": "tooltip",
    "lazy": "lazy",
}
"""Attribute of an input -> its key in the description; attributes without a value are left out."""


def object_info(nodes: Iterable[type[ComfyNode]], *, module: str) -> dict[str, dict[str, Any]]:
    """Describe nodes in the format of ComfyUI's `/object_info` (as of 0.3.64).

    Args:
        nodes: node classes.
        module: the module they come from; in ComfyUI `custom_nodes.` and the pack's folder.

    Returns:
        Node id -> description, JSON-ready.
    """
    described = (_describe(node, module) for node in nodes)
    return {description["name"]: description for description in described}


def _describe(node: type[ComfyNode], module: str) -> dict[str, Any]:
    schema = node.GET_SCHEMA()
    inputs: dict[str, dict[str, list[Any]]] = {"required": {}}
    for spec in schema.inputs:
        group = inputs.setdefault("optional" if spec.optional else "required", {})
        group[spec.id] = [spec.get_io_type(), _options(spec)]
    if schema.hidden:
        inputs["hidden"] = {hidden.name: [hidden.value] for hidden in schema.hidden}
    return {
        "input": inputs,
        "input_order": {group: list(specs) for group, specs in inputs.items()},
        "output": [_output_type(output) for output in schema.outputs],
        "output_is_list": [output.is_output_list for output in schema.outputs],
        "output_name": [output.display_name or _output_type(output) for output in schema.outputs],
        "output_tooltips": [output.tooltip or None for output in schema.outputs],
        "name": schema.node_id,
        "display_name": schema.display_name,
        "description": schema.description,
        "python_module": module,
        "category": schema.category,
        "output_node": schema.is_output_node,
        "deprecated": schema.is_deprecated,
        "experimental": schema.is_experimental,
        "api_node": False,
    }


def _options(spec: Input) -> dict[str, Any]:
    lent: dict[str, Any] = {}
    if isinstance(spec, MultiType.Input) and spec.input_override is not None:
        lent = _options(spec.input_override)
        if isinstance(spec.input_override, WidgetInput):
            lent["widgetType"] = spec.input_override.get_io_type()
    own = {key: _plain(getattr(spec, name, None)) for name, key in SENT_AS.items()}
    if isinstance(spec, Combo.Input):
        own["multiselect"] = False
        if spec.upload is not None:
            own[spec.upload.value] = True
    given = {**own, **spec.extra_dict}
    return {**lent, **{key: value for key, value in given.items() if value is not None}}


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, Enum) else value


def _output_type(output: Output) -> str | list[Any]:
    return output.options if isinstance(output, Combo.Output) else output.get_io_type()
