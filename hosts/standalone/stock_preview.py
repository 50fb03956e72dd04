"""ComfyUI's own node that shows any value, for the standalone host."""

import json
from typing import Any

from . import io, ui


class PreviewAny(io.ComfyNode):
    """A value as text in the run's results."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """One input of any type."""
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
        """Give text as it is, and anything else as JSON where that is possible."""
        return io.NodeOutput(ui=ui.PreviewText(_as_text(source)))


def _as_text(value: Any) -> str:
    if value is None or isinstance(value, str | int | float):
        return str(value)
    try:
        return json.dumps(value)
    except (TypeError, ValueError):
        return str(value)


NODES = [PreviewAny]
