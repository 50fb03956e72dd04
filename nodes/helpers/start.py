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


def with_noise(guider: Any, sampler: Any, noise: StepNoise | None) -> tuple[Any, Any]:
    """GUIDER and SAMPLER that draw this noise after the first, if they draw any and are the pack's.

    Without one they draw from the run's seed.
    """
    sampling = host().sampling
    bound = sampling.with_options(sampler, {"noise": noise}) or sampler
    return sampling.with_draws(guider, noise), bound
