"""Sockets of the nodes that change a guider, and the change itself."""

from dataclasses import replace
from typing import Any

from ...hosts import host, io


def guider_input() -> Any:
    """Input for the guider to change."""
    return io.Guider.Input(
        "guider",
        tooltip="The model with its prompts, from Denoiser, CFGGuider or another guidance node.",
    )


def guider_output() -> Any:
    """Output for the changed guider."""
    return io.Guider.Output(
        display_name="GUIDER", tooltip="For Sample, Sample Patches or the next guidance node."
    )


def with_changes(guider: Any, **changes: Any) -> Any:
    """A GUIDER with changed fields in its plan; the input GUIDER stays unchanged."""
    return host().sampling.with_plan(guider, lambda plan: replace(plan, **changes))
