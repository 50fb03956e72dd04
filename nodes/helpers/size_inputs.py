"""Inputs of nodes that begin an empty clip: its sides and its frame rate."""

from typing import Any

from ...hosts import io


def side_inputs() -> list[Any]:
    """Width and height in pixels."""
    return [
        io.Int.Input(
            name,
            default=64,
            min=16,
            max=8192,
            step=16,
            tooltip=f"{name.title()} in pixels, a multiple of 16.",
        )
        for name in ("width", "height")
    ]


def fps_input() -> Any:
    """Frames per second."""
    return io.Float.Input(
        "fps",
        default=16.0,
        min=1.0,
        max=120.0,
        step=1.0,
        tooltip="Frames per second; models that know frame rates adapt the motion.",
    )
