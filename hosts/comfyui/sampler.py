"""SAMPLER: the host's sampler around a solver of the pack."""
# pyright: reportMissingImports=false

import copy
from collections.abc import Mapping
from typing import Any

from comfy.model_sampling import CONST, ModelSamplingDiscrete
from comfy.samplers import KSAMPLER
from torch import Tensor

from ...samplers.process import NoiseProcess
from ...samplers.schedules.table import NoiseTable
from ..solver_options import taken, with_taken


class HostSampler(KSAMPLER):
    """Gives the solver the model's noise process and the levels of its timesteps."""

    def with_options(self, options: Mapping[str, Any]) -> "HostSampler":
        """Return a copy with the options that the solver takes."""
        bound = copy.copy(self)
        bound.extra_options = with_taken(self.sampler_function, self.extra_options, options)
        return bound

    def sample(self, model_wrap: Any, sigmas: Tensor, *rest: Any, **named: Any) -> Tensor:
        """Run the solver as the host does."""
        sampling = model_wrap.inner_model.model_sampling
        known = {"process": process_of(sampling), "table": table_of(sampling)}
        bound = copy.copy(self)
        bound.extra_options = {**taken(self.sampler_function, known), **self.extra_options}
        return KSAMPLER.sample(bound, model_wrap, sigmas, *rest, **named)


def process_of(model_sampling: Any) -> NoiseProcess:
    """Return the noise process of a model: a flow's, or variance exploding."""
    return NoiseProcess.FLOW if isinstance(model_sampling, CONST) else NoiseProcess.VE


def table_of(model_sampling: Any) -> NoiseTable | None:
    """Return the levels of an eps or v model's timesteps; other models do not number them."""
    if not isinstance(model_sampling, ModelSamplingDiscrete):
        return None
    return NoiseTable(tuple(model_sampling.sigmas.tolist()))
