"""What both hosts do alike with a solver's options and with what weights say of themselves."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

DISTILLED_KEY = "distilled"
"""Present in the metadata of weights that were distilled for few steps."""


def taken(solver: Callable[..., Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of the options that a solver takes."""
    known = inspect.signature(solver).parameters
    return {name: value for name, value in options.items() if name in known}


def with_taken(
    solver: Callable[..., Any], present: Mapping[str, Any], more: Mapping[str, Any]
) -> dict[str, Any]:
    """Return a solver's options with those of ``more`` that it takes."""
    return {**present, **taken(solver, more)}


def is_distilled(info: Mapping[str, Any]) -> bool | None:
    """Whether weights were distilled; None where their metadata say nothing at all."""
    return DISTILLED_KEY in info if info else None
