"""Check what a guider with FlowEdit is run with."""

from collections.abc import Iterable, Mapping
from typing import Any

from ...hosts import host
from ...samplers.ceilings import highest_ceiling
from ...samplers.flow_edit import SOURCE
from ...samplers.solvers import SOLVERS
from ...timeline import TIMELINE_KEY

NOISY_WORDS = ("ancestral", "sde", "lcm", "ddpm", "seeds", "sa_solver", "2s_a")
"""Parts of the names of host samplers that add their own noise."""


def check_edit(guider: Any, sampler: Any, latents: Iterable[Mapping[str, Any]]) -> None:
    """Reject FlowEdit where it would lose the clip, or where there is no clip to keep.

    Raises:
        ValueError: the sampler adds its own noise, which hides the edited clip, or a timeline has
            places where nothing is kept.
    """
    if SOURCE not in host().sampling.about(guider).further:
        return
    if any(TIMELINE_KEY in each and highest_ceiling([each]) == 1 for each in latents):
        raise ValueError(
            "FlowEdit edits an existing clip, but this latent has frames or places where nothing "
            "is kept: use Edit Video with a strength below 1, or remove FlowEdit"
        )
    call = host().sampling.solver_of(sampler)
    name = "" if call is None else getattr(call.solver, "__name__", "")
    ours = call is not None and call.solver in SOLVERS.values()
    if not ours and any(word in name for word in NOISY_WORDS):
        raise ValueError(
            f"{name.removeprefix('sample_')} adds its own noise, which makes FlowEdit lose the "
            "clip: choose euler, heun, dpmpp_2m or unipc in Solver"
        )
