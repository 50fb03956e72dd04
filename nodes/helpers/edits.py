"""What a guider with FlowEdit can be run with."""

from collections.abc import Iterable, Mapping
from typing import Any

from ...hosts import host
from ...samplers.ceilings import highest_ceiling
from ...samplers.flow_edit import SOURCE
from ...samplers.solvers import SOLVERS
from ...timeline import TIMELINE_KEY

NOISY_WORDS = ("ancestral", "sde", "lcm", "ddpm", "seeds", "sa_solver", "2s_a")
"""In the names of samplers of the host that add noise of their own."""


def check_edit(guider: Any, sampler: Any, latents: Iterable[Mapping[str, Any]]) -> None:
    """Refuse FlowEdit where it would lose the clip, or where there is none.

    Raises:
        ValueError: the sampler adds noise of its own, from which the edited clip could not be told,
            or a timeline has places of which nothing is kept.
    """
    if SOURCE not in host().sampling.about(guider).further:
        return
    if any(TIMELINE_KEY in each and highest_ceiling([each]) == 1 for each in latents):
        raise ValueError(
            "FlowEdit changes what a clip shows, and there are frames or places here of which "
            "nothing is kept: use Edit Video with a strength below 1, or take FlowEdit out"
        )
    call = host().sampling.solver_of(sampler)
    name = "" if call is None else getattr(call.solver, "__name__", "")
    ours = call is not None and call.solver in SOLVERS.values()
    if not ours and any(word in name for word in NOISY_WORDS):
        raise ValueError(
            f"{name.removeprefix('sample_')} adds noise of its own, under which FlowEdit loses the "
            "clip: choose euler, heun, dpmpp_2m or unipc in Solver"
        )
