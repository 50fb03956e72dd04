"""Whether a schedule belongs to the kind of model that is to run on it."""
# pyright: reportMissingImports=false

from typing import Any

from torch import Tensor

from ...samplers.path import Path
from .sampler import path_of


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
    first, name = float(sigmas[0]), type(model).__name__
    if path_of(model.model_sampling) is Path.FLOW:
        if first > 1:
            raise ValueError(
                f"noise levels from {first:g}: those of this flow model ({name}) lie in [0, 1]; "
                "use the Schedule node, or BasicScheduler with this model"
            )
        return
    noise = float(model.model_sampling.sigma_max)
    if first <= 1 < noise and not samples.any():
        raise ValueError(
            f"noise levels from {first:g}, as flow models have them: pure noise is {noise:g} for "
            f"this model ({name}); use BasicScheduler with this model instead of the Schedule node"
        )
