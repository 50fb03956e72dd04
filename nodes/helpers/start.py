"""Where on a schedule a run begins: not above what the latents allow to change."""

from collections.abc import Iterable, Mapping
from typing import Any

from torch import Tensor

from ...hosts import host
from ...samplers.ceilings import cut_levels, highest_ceiling


def begun(guider: Any, sigmas: Tensor, latents: Iterable[Mapping[str, Any]]) -> Tensor:
    """The schedule (n + 1,) from the highest ceiling of the latents on.

    Returns:
        One level, which is no step, where nothing is left to change.
    """
    highest = highest_ceiling(latents)
    if highest == 1:
        return sigmas
    return cut_levels(sigmas, highest, host().sampling.about(guider).process)
