"""A model's noise levels, and checks that a schedule is for its kind of model."""
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
    """Return the levels of any host model, with changes by nodes such as ModelSamplingSD3."""
    sampling = model.get_model_object("model_sampling")
    if process_of(sampling) is NoiseProcess.FLOW:
        return FlowLevels(_flow_shift(sampling.sigmas))
    if isinstance(sampling, ModelSamplingContinuousEDM):
        return ContinuousLevels(float(sampling.sigma_min), float(sampling.sigma_max))
    return NoiseTable(tuple(sampling.sigmas.tolist()))


def _flow_shift(sigmas: Tensor) -> float:
    """Compute a flow's shift from its table's middle level, as models state it in several ways."""
    half = len(sigmas) // 2
    level, even = sigmas[half - 1].item(), half / len(sigmas)
    return level * (1 - even) / (even * (1 - level))


def check_levels(model: Any, sigmas: Tensor, samples: Tensor) -> None:
    """Reject a schedule for another kind of model.

    Args:
        model: the host's model.
        sigmas: noise levels of the run.
        samples: where the run starts; zeros mean that nothing is given.

    Raises:
        ValueError: a flow model gets levels above 1, or a run from nothing starts at 1 or less
            although the model's pure noise is higher.
    """
    if len(sigmas) == 0:
        return
    if process_of(model.model_sampling) is NoiseProcess.FLOW:
        return check_flow_sigmas(sigmas)
    first, name = float(sigmas[0]), type(model).__name__
    noise = float(model.model_sampling.sigma_max)
    if first <= 1 < noise and not any(each.any() for each in streams_of(samples)):
        raise ValueError(
            f"the noise levels start at {first:g}, as for flow models, but pure noise is {noise:g} "
            f"for this model ({name}): use Model Schedule with this model instead of Schedule"
        )
