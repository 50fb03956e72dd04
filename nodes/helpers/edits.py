"""Which samplers a guider with FlowEdit can be run with."""

from typing import Any

from ...hosts import host
from ...samplers.flow_edit import SOURCE
from ...samplers.solvers import SOLVERS

NOISY_WORDS = ("ancestral", "sde", "lcm", "ddpm", "seeds", "sa_solver", "2s_a")
"""In the names of samplers of the host that add noise of their own."""


def check_edit(guider: Any, sampler: Any) -> None:
    """Refuse FlowEdit with a sampler that adds noise of its own.

    Raises:
        ValueError: it adds some, so that the edited clip could not be told from it.
    """
    if SOURCE not in host().sampling.about(guider).further:
        return
    call = host().sampling.solver_of(sampler)
    name = "" if call is None else getattr(call.solver, "__name__", "")
    ours = call is not None and call.solver in SOLVERS.values()
    if not ours and any(word in name for word in NOISY_WORDS):
        raise ValueError(
            f"{name.removeprefix('sample_')} adds noise of its own, under which FlowEdit loses the "
            "clip: choose euler, heun, dpmpp_2m or unipc in Solver"
        )
