"""SAMPLER: the host's own around a solver of the pack."""
# pyright: reportMissingImports=false

import copy
from collections.abc import Mapping
from typing import Any

from comfy.model_sampling import CONST
from comfy.samplers import KSAMPLER
from torch import Tensor

from ...samplers.path import Path
from ..solver_options import taken, with_taken


class HostSampler(KSAMPLER):
    """Tells the solver on which path the model's states lie."""

    def with_options(self, options: Mapping[str, Any]) -> "HostSampler":
        """A copy with those of the options that the solver takes."""
        bound = copy.copy(self)
        bound.extra_options = with_taken(self.sampler_function, self.extra_options, options)
        return bound

    def sample(self, model_wrap: Any, sigmas: Tensor, *rest: Any, **named: Any) -> Tensor:
        """Run the solver as the host does."""
        path = path_of(model_wrap.inner_model.model_sampling)
        bound = copy.copy(self)
        bound.extra_options = {
            **taken(self.sampler_function, {"path": path}),
            **self.extra_options,
        }
        return KSAMPLER.sample(bound, model_wrap, sigmas, *rest, **named)


def path_of(model_sampling: Any) -> Path:
    """Whether a model's noising is a flow's."""
    return Path.FLOW if isinstance(model_sampling, CONST) else Path.VE
