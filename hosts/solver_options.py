"""What both hosts do alike with a solver's options and with what weights say of themselves."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from torch import Tensor

from ..models.latent_format import LatentFormat

DISTILLED_KEY = "distilled"
"""Present in the metadata of weights that were distilled for few steps."""


class KnownWeights(NamedTuple):
    """What weights of the pack's networks say of themselves, and their latents."""

    info: Mapping[str, Any]
    latent: LatentFormat


class SolverCall(NamedTuple):
    """What a SAMPLER does: a solver, and the options that it is called with."""

    solver: Callable[..., Tensor]
    options: Mapping[str, Any]


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


def distilled_with(model: bool | None, lora: bool | None) -> bool | None:
    """Whether a model is a distilled one after a LoRA, from what is known of both.

    What one of them was distilled for stays when the other is something else; where nobody says
    that either was, the result is as unknown as the less known of them.
    """
    if model or lora:
        return True
    return None if model is None or lora is None else False
