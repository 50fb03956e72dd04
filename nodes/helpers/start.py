"""How a run starts: where on its schedule, and with which noise after its steps."""

from collections.abc import Iterable, Mapping
from typing import Any

from torch import Tensor

from ...hosts import host
from ...samplers.ceilings import cut_levels, highest_ceiling
from ...samplers.noise.steps import StepNoise


def begun(guider: Any, sigmas: Tensor, latents: Iterable[Mapping[str, Any]]) -> Tensor:
    """The schedule (n + 1,) from the highest ceiling of the latents on.

    Returns:
        One level, which is no step, where nothing is left to change.
    """
    highest = highest_ceiling(latents)
    if highest == 1:
        return sigmas
    return cut_levels(sigmas, highest, host().sampling.about(guider).process)


def with_noise(sampler: Any, noise: StepNoise | None) -> Any:
    """SAMPLER that adds this noise after its steps, if it adds any and is of the pack.

    Without one it draws from the run's seed.
    """
    return host().sampling.with_options(sampler, {"noise": noise}) or sampler
