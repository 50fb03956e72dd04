"""Helpers of both hosts for solver options and for the metadata of weights."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from torch import Tensor

from ..models.latent_format import LatentFormat

DISTILLED_KEY = "distilled"
"""Present in the metadata of weights that were distilled for few steps."""


class KnownWeights(NamedTuple):
    """Metadata of weights for the pack's networks, and their latent format."""

    info: Mapping[str, Any]
    latent: LatentFormat


class SolverCall(NamedTuple):
    """A SAMPLER's solver, and the options that it is called with."""

    solver: Callable[..., Tensor]
    options: Mapping[str, Any]


def taken(solver: Callable[..., Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that a solver takes."""
    known = inspect.signature(solver).parameters
    return {name: value for name, value in options.items() if name in known}


def with_taken(
    solver: Callable[..., Any], present: Mapping[str, Any], more: Mapping[str, Any]
) -> dict[str, Any]:
    """Return a solver's options, updated with those of ``more`` that it takes."""
    return {**present, **taken(solver, more)}


def is_distilled(info: Mapping[str, Any]) -> bool | None:
    """Whether weights were distilled; None if they have no metadata."""
    return DISTILLED_KEY in info if info else None


def distilled_with(model: bool | None, lora: bool | None) -> bool | None:
    """Whether a model with a LoRA counts as distilled.

    It does if either of them is distilled. Otherwise the result is unknown (None) if either of
    them is unknown.
    """
    if model or lora:
        return True
    return None if model is None or lora is None else False
