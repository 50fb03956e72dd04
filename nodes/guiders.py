"""What the nodes share that change a guider: its sockets, and the change itself."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from ..hosts import host

io = host().io


def guider_input() -> Any:
    """The guider to change."""
    return io.Guider.Input(
        "guider",
        tooltip="The model with its prompts, from Denoiser, CFGGuider or another node of guidance.",
    )


def guider_output() -> Any:
    """The changed guider."""
    return io.Guider.Output(
        display_name="changed", tooltip="For Sample, Sample Patches or the next node of guidance."
    )


def with_changes(guider: Any, **changes: Any) -> Any:
    """GUIDER with other fields of its recipe; the one given stays as it is."""
    return host().with_recipe(guider, partial(replace, **changes))


def refusal(check: Callable[..., Any], *values: Any) -> Any:
    """What ``validate_inputs`` answers: the error of a check, True for none.

    Values that come over wires are None before the run; then there is nothing to check.
    """
    if None in values:
        return True
    try:
        check(*values)
    except ValueError as problem:
        return str(problem)
    return True
