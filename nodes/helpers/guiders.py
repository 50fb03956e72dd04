"""What the nodes share that change a guider: its sockets, and the change itself."""

from dataclasses import replace
from typing import Any

from ...hosts import host, io


def guider_input() -> Any:
    """The guider to change."""
    return io.Guider.Input(
        "guider",
        tooltip="The model with its prompts, from Denoiser, CFGGuider or another guidance node.",
    )


def guider_output() -> Any:
    """The changed guider."""
    return io.Guider.Output(
        display_name="GUIDER", tooltip="For Sample, Sample Patches or the next guidance node."
    )


def with_changes(guider: Any, **changes: Any) -> Any:
    """GUIDER with other fields of its plan; the one given stays as it is."""
    return host().sampling.with_plan(guider, lambda plan: replace(plan, **changes))
