"""Size and frame rate inputs of the nodes that create an empty clip."""

from typing import Any

from ...hosts import io


def side_inputs() -> list[Any]:
    """Inputs for width and height in pixels."""
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


FPS = 16.0
"""Frames per second of clips that do not specify them."""


def fps_input(
    what: str = "Frames per second; models that know frame rates adapt the motion.",
) -> Any:
    """Input for frames per second; its step allows fractions, because the editor rounds to it."""
    return io.Float.Input(
        "fps",
        default=FPS,
        min=1.0,
        max=120.0,
        step=0.01,
        tooltip=what,
    )
