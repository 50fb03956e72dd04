"""How a run starts: its first noise level, the noise of its steps, and its given parts."""

from collections.abc import Iterable, Mapping
from typing import Any

from torch import Tensor

from ...hosts import host
from ...samplers.ceilings import MASK_KEY, cut_levels, highest_ceiling
from ...samplers.flow_edit import SOURCE
from ...samplers.noise.steps import StepNoise
from ...samplers.resampling import HIGH, LOW, TIMES, resampled
from ...samplers.showing import Showing
from ...timeline import TIMELINE_KEY

SOFT_SEAMS = (
    "this model sees the given parts as noisy as the rest, so joins are softer and motion "
    f"may jump: steps between the noise levels {HIGH:g} and {LOW:g} run {TIMES} times; a model "
    "with a noise level per token (the shipped one, Wan 2.2 5B) or an image-to-video model (Wan "
    "I2V) joins better"
)


def begun(guider: Any, sigmas: Tensor, latents: Iterable[Mapping[str, Any]]) -> Tensor:
    """The schedule (n + 1,) from the highest ceiling of the latents down.

    Returns:
        A single level, which is no step, if there is nothing to change.
    """
    highest = highest_ceiling(latents)
    if highest == 1:
        return sigmas
    return cut_levels(sigmas, highest, host().sampling.about(guider).process)


def with_noise(guider: Any, sampler: Any, noise: StepNoise | None) -> tuple[Any, Any]:
    """GUIDER and SAMPLER that draw this noise after the first, if they draw any and are the pack's.

    With ``noise=None`` they draw from the run's seed.
    """
    sampling = host().sampling
    bound = sampling.with_options(sampler, {"noise": noise}) or sampler
    return sampling.with_draws(guider, noise), bound


def gives(latent: Mapping[str, Any]) -> bool:
    """Whether a timeline has given parts."""
    mask = latent.get(MASK_KEY)
    return TIMELINE_KEY in latent and mask is not None and not bool((mask > 0).all())


def repeats_steps(guider: Any) -> bool:
    """Whether the model has no support for given parts, so that steps must repeat; warns if so.

    FlowEdit repeats nothing: the run's first noise determines what it edits.
    """
    about = host().sampling.about(guider)
    if about.showing is not Showing.STATE or SOURCE in about.further:
        return False
    host().session.warn(SOFT_SEAMS)
    return True


def with_repetitions(guider: Any, sampler: Any, noise: StepNoise | None) -> Any:
    """A SAMPLER that repeats steps; one that is not a plain solver stays unchanged.

    Args:
        guider, sampler: of the run.
        noise: drawn before a step is repeated; None for the run's seed.
    """
    call = host().sampling.solver_of(sampler)
    if call is None:
        return sampler
    process = host().sampling.about(guider).process
    solver = resampled(call.solver, process=process, draws=noise)
    return host().sampling.make_sampler(solver, call.options)
