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


FPS = 16.0
"""Frames per second of clips that do not say theirs."""


def fps_input(
    what: str = "Frames per second; models that know frame rates adapt the motion.",
) -> Any:
    """Frames per second; the editor rounds to the step, and not all rates are whole."""
    return io.Float.Input(
        "fps",
        default=FPS,
        min=1.0,
        max=120.0,
        step=0.01,
        tooltip=what,
    )
