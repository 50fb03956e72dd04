"""A model's noise levels, and whether a schedule belongs to its kind."""
# pyright: reportMissingImports=false

from typing import Any

from comfy.model_sampling import ModelSamplingContinuousEDM
from torch import Tensor

from ...samplers.process import NoiseProcess
from ...samplers.schedules.model_levels import (
    ContinuousLevels,
    FlowLevels,
    NoiseLevels,
    check_flow_sigmas,
)
from ...samplers.schedules.table import NoiseTable
from .preview import streams_of
from .sampler import process_of


def noise_levels(model: Any) -> NoiseLevels:
    """Levels of any of the host's models, as nodes such as ModelSamplingSD3 have left them."""
    sampling = model.get_model_object("model_sampling")
    if process_of(sampling) is NoiseProcess.FLOW:
        return FlowLevels(_flow_shift(sampling.sigmas))
    if isinstance(sampling, ModelSamplingContinuousEDM):
        return ContinuousLevels(float(sampling.sigma_min), float(sampling.sigma_max))
    return NoiseTable(tuple(sampling.sigmas.tolist()))


def _flow_shift(sigmas: Tensor) -> float:
    """Shift of a flow's table, from the level in its middle: models state it in several ways."""
    half = len(sigmas) // 2
    level, even = sigmas[half - 1].item(), half / len(sigmas)
    return level * (1 - even) / (even * (1 - level))


def check_levels(model: Any, sigmas: Tensor, samples: Tensor) -> None:
    """Refuse a schedule that was made for models of another kind.

    Args:
        model: the host's model.
        sigmas: noise levels of the run.
        samples: what it starts from, zeros for nothing.

    Raises:
        ValueError: levels above 1 for a flow model, or a run from nothing that starts at 1 or
            less where the model's pure noise is higher.
    """
    if len(sigmas) == 0:
        return
    if process_of(model.model_sampling) is NoiseProcess.FLOW:
        return check_flow_sigmas(sigmas)
    first, name = float(sigmas[0]), type(model).__name__
    noise = float(model.model_sampling.sigma_max)
    if first <= 1 < noise and not any(each.any() for each in streams_of(samples)):
        raise ValueError(
            f"noise levels from {first:g}, as flow models have them: pure noise is {noise:g} for "
            f"this model ({name}); use Model Schedule with this model instead of Schedule"
        )
