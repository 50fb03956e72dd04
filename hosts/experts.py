"""Two models that share a run: the first works down to a noise level, the second from there."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from torch import Tensor

from ..samplers.checkpoint import Checkpoint
from ..samplers.process import NoiseProcess
from ..samplers.resampling import resampled
from .about import AboutGuider
from .solver_options import taken

Made = TypeVar("Made")


def stoppable(
    solver: Callable[..., Tensor], options: Mapping[str, Any]
) -> tuple[Callable[..., Tensor], dict[str, Any], Checkpoint]:
    """Return a solver that can stop and resume, its options and its checkpoint.

    A solver without support for checkpoints has its schedule cut in two; a multistep solver then
    starts the second part without its history.
    """
    if not taken(solver, {"checkpoint": None}):
        solver = resampled(solver, process=NoiseProcess.FLOW, times=1)
    checkpoint = options.get("checkpoint") or Checkpoint()
    return solver, {**options, "checkpoint": checkpoint}, checkpoint


def in_turn(
    sigmas: Tensor,
    boundary: float,
    checkpoint: Checkpoint,
    high: Callable[[], Made],
    low: Callable[[], Made],
) -> Made:
    """Run the steps that begin at or above the boundary with one model, the rest with another.

    Args:
        sigmas: (n + 1,) levels of the whole run.
        boundary: noise level of a flow model.
        checkpoint: the solver's checkpoint in both runs, which get the whole schedule. It says
            where the run starts and stops, and afterwards how far it got.
        high, low: run either model from and to the steps that the checkpoint says.
    """
    stop, steps = checkpoint.stop, len(sigmas) - 1
    last = steps if stop is None else stop
    change = int((sigmas[:-1] >= boundary).sum())
    done = 0 if checkpoint.state is None else checkpoint.state.step
    try:
        if last <= change:
            return high()
        if done < change:
            checkpoint.stop = change
            high()
            checkpoint.stop = stop
        return low()
    finally:
        checkpoint.stop = stop


def check_experts(high: AboutGuider, low: AboutGuider, formats: Sequence[object]) -> None:
    """Check that two guiders can share a run.

    Args:
        high, low: descriptions of the guiders.
        formats: of their latents, equal if the latents mean the same.

    Raises:
        ValueError: their models are not flow models, or their latents differ.
    """
    if NoiseProcess.VE in (high.process, low.process):
        raise ValueError("two experts have to be flow models: use the two models of Wan 2.2 A14B")
    if formats[0] != formats[1]:
        raise ValueError(
            f"the experts work on different latents, {formats[0]} and {formats[1]}: use the two "
            "files of one model"
        )


def check_alone(after: object) -> None:
    """Reject a third expert.

    Raises:
        ValueError: the guider already hands over to another.
    """
    if after is not None:
        raise ValueError("a guider already has two experts: connect the guiders of two Denoisers")
