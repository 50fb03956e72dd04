"""ComfyUI's primitive nodes for the standalone host: values as nodes, and a value as text."""

import json
import sys
from typing import Any

from . import io, ui


def _schema(node_id: str, name: str, value: io.Input, output: io.Output) -> io.Schema:
    return io.Schema(
        node_id=node_id,
        display_name=name,
        category="utils/primitive",
        inputs=[value],
        outputs=[output],
    )


class PrimitiveInt(io.ComfyNode):
    """An integer value."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """As in ComfyUI, with the editor's seed control."""
        value = io.Int.Input(
            "value", min=-sys.maxsize, max=sys.maxsize, control_after_generate=True
        )
        return _schema("PrimitiveInt", "Int", value, io.Int.Output())

    @classmethod
    def execute(cls, value: int) -> io.NodeOutput:
        """Return the value."""
        return io.NodeOutput(value)


class PrimitiveFloat(io.ComfyNode):
    """A float value."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """As in ComfyUI."""
        value = io.Float.Input("value", min=-sys.maxsize, max=sys.maxsize)
        return _schema("PrimitiveFloat", "Float", value, io.Float.Output())

    @classmethod
    def execute(cls, value: float) -> io.NodeOutput:
        """Return the value."""
        return io.NodeOutput(value)


class PrimitiveString(io.ComfyNode):
    """A single line of text."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """As in ComfyUI."""
        return _schema("PrimitiveString", "String", io.String.Input("value"), io.String.Output())

    @classmethod
    def execute(cls, value: str) -> io.NodeOutput:
        """Return the value."""
        return io.NodeOutput(value)


class PrimitiveStringMultiline(io.ComfyNode):
    """Text of several lines."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """As in ComfyUI."""
        value = io.String.Input("value", multiline=True)
        return _schema("PrimitiveStringMultiline", "String (Multiline)", value, io.String.Output())

    @classmethod
    def execute(cls, value: str) -> io.NodeOutput:
        """Return the value."""
        return io.NodeOutput(value)


class PrimitiveBoolean(io.ComfyNode):
    """A boolean value."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """As in ComfyUI."""
        value = io.Boolean.Input("value")
        return _schema("PrimitiveBoolean", "Boolean", value, io.Boolean.Output())

    @classmethod
    def execute(cls, value: bool) -> io.NodeOutput:
        """Return the value."""
        return io.NodeOutput(value)


class PreviewAny(io.ComfyNode):
    """Shows a value as text in the run's results."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """As in ComfyUI, with one input of any type."""
        return io.Schema(
            node_id="PreviewAny",
            display_name="Preview Any",
            category="utils",
            description="Shows a value as text.",
            inputs=[io.AnyType.Input("source", tooltip="The value to show.")],
            outputs=[],
            is_output_node=True,
        )

    @classmethod
    def execute(cls, source: Any) -> io.NodeOutput:
        """Show text as it is, and anything else as JSON if possible."""
        return io.NodeOutput(ui=ui.PreviewText(_as_text(source)))


def _as_text(value: Any) -> str:
    if value is None or isinstance(value, str | int | float):
        return str(value)
    try:
        return json.dumps(value)
    except (TypeError, ValueError):
        return str(value)


NODES = [
    PrimitiveInt,
    PrimitiveFloat,
    PrimitiveString,
    PrimitiveStringMultiline,
    PrimitiveBoolean,
    PreviewAny,
]
