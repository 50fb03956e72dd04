"""Inputs and outputs shared by the nodes of noise schedules."""

from typing import Any

from ...hosts import io

CATEGORY = "Spacetime/Schedules"
MOST_STEPS = 1000


def steps_input(default: int, tooltip: str) -> Any:
    """Input for the number of steps."""
    return io.Int.Input("steps", default=default, min=1, max=MOST_STEPS, tooltip=tooltip)


def shift_input(tooltip: str, default: float = 3.0) -> Any:
    """Input for the shift of a flow schedule."""
    return io.Float.Input(
        "shift", default=default, min=0.01, max=100.0, step=0.1, tooltip=tooltip
    )  # fmt: skip


def strength_input() -> Any:
    """Input for how much of a given latent is regenerated."""
    return io.Float.Input(
        "strength",
        default=1.0,
        min=0.01,
        max=1.0,
        step=0.01,
        tooltip="How much of a given latent is regenerated (denoise): 1 regenerates all of it; "
        "below 1 the schedule starts at a lower noise level, and the given clip stays "
        "recognisable.",
    )


def sigmas_output(
    tooltip: str = "The noise levels (sigmas): one more than the number of steps, ending in 0.",
) -> Any:
    """Output for the schedule."""
    return io.Sigmas.Output(display_name="SIGMAS", tooltip=tooltip)
