"""The noise levels that a model was trained on, and the schedules built from them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from .few_step import TRAIN_STEPS, lcm_flow_sigmas
from .flow import end_of_schedule, flow_sigmas, shift_sigmas
from .spacings import beta_sigmas, exponential_sigmas, karras_sigmas, linear_quadratic_sigmas
from .table import NoiseTable


@dataclass(frozen=True)
class FlowLevels:
    """Levels in [0, 1] of a flow model: evenly spaced, then shifted, see ``shift_sigmas``."""

    shift: float = 1.0


@dataclass(frozen=True)
class ContinuousLevels:
    """Level range of an EDM model, as noise-to-signal ratios; it has no numbered timesteps."""

    smallest: float
    largest: float


NoiseLevels = FlowLevels | NoiseTable | ContinuousLevels

AUTO = "auto"
MODEL_SPACINGS = (
    AUTO,
    "trailing",
    "leading",
    "karras",
    "exponential",
    "beta",
    "linear-quadratic",
    "lcm",
)
"""All names that ``model_sigmas`` knows; which ones a model supports depends on its kind."""

_Schedule = Callable[[int, float], Tensor]
"""(steps, strength) -> (steps + 1,) levels."""


def model_sigmas(levels: NoiseLevels, spacing: str, steps: int, *, strength: float = 1.0) -> Tensor:
    """Build a schedule from a model's own noise levels.

    Args:
        levels: noise levels of the model.
        spacing: one of ``MODEL_SPACINGS``; "auto" chooses by the kind of model: trailing, or Karras
            for one without timesteps.
        steps: number of steps, at least 1.
        strength: below 1, a given latent is changed only to that extent: the steps are the last
            ones of a schedule of steps / strength. Latent consistency has its own rule, see
            ``lcm_timesteps``.

    Returns:
        (steps + 1,) float32, decreasing, ending in 0, in the model's units.

    Raises:
        ValueError: the model has no such schedule, or a number is out of range.
    """
    if not 0 < strength <= 1:
        raise ValueError(
            f"strength {strength} must be above 0 and at most 1: use 1 to regenerate everything"
        )
    schedules = _schedules(levels)
    name = next(iter(schedules)) if spacing == AUTO else spacing
    if name not in schedules:
        raise ValueError(
            f"no spacing {spacing!r} for {_KINDS[type(levels)]}: use {AUTO}, {', '.join(schedules)}"
        )
    return schedules[name](steps, strength)


_KINDS = {
    FlowLevels: "a flow model",
    NoiseTable: "a model with numbered timesteps",
    ContinuousLevels: "a model without numbered timesteps",
}


def check_flow_sigmas(sigmas: Tensor) -> None:
    """Raise ValueError if a schedule was made for a model that is not a flow model."""
    if len(sigmas) and float(sigmas[0]) > 1:
        raise ValueError(
            f"noise levels from {float(sigmas[0]):g}: this is a flow model, whose levels lie in "
            "[0, 1]; use Schedule, or Model Schedule with this model"
        )


def _schedules(levels: NoiseLevels) -> Mapping[str, _Schedule]:
    """Schedules of a kind of model, its default first."""
    if isinstance(levels, FlowLevels):
        return _flow_schedules(levels.shift)
    if isinstance(levels, NoiseTable):
        return {
            "trailing": _end_of(levels.trailing),
            "leading": _end_of(levels.leading),
            **_range_schedules(levels.sigmas[0], levels.sigmas[-1]),
            "beta": _end_of(levels.beta),
            "lcm": lambda steps, strength: levels.lcm(steps, strength=strength),
        }
    return _range_schedules(levels.smallest, levels.largest)


def _flow_schedules(shift: float) -> Mapping[str, _Schedule]:
    smallest = shift_sigmas(torch.tensor(1 / TRAIN_STEPS, dtype=torch.float64), shift).item()
    return {
        "trailing": _end_of(partial(flow_sigmas, shift=shift)),
        **_range_schedules(smallest, 1.0),
        "beta": _end_of(partial(beta_sigmas, shift=shift)),
        "linear-quadratic": _end_of(linear_quadratic_sigmas),
        "lcm": lambda steps, strength: lcm_flow_sigmas(steps, shift=shift, strength=strength),
    }


def _range_schedules(smallest: float, largest: float) -> Mapping[str, _Schedule]:
    ends = {"sigma_min": smallest, "sigma_max": largest}
    return {
        "karras": _end_of(partial(karras_sigmas, **ends)),
        "exponential": _end_of(partial(exponential_sigmas, **ends)),
    }


def _end_of(whole: Callable[[int], Tensor]) -> _Schedule:
    return lambda steps, strength: end_of_schedule(whole, steps, strength)
