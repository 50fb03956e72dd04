"""Two models that share one run: the first down to a noise level, the second from there."""

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
    """A solver that can be stopped and goes on from there, its options, and its checkpoint.

    One that knows no checkpoints is cut by its schedule, which a multistep solver begins anew.
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
    """Run the steps that begin at the boundary or above with one model, the others with another.

    Args:
        sigmas: (n + 1,) levels of the whole run.
        boundary: noise level of a flow model.
        checkpoint: of the solver in both runs, which get the whole schedule; where the run itself
            starts and stops, and afterwards how far it has come.
        high, low: run with either model from and to where the checkpoint says.
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
    """Refuse guiders that cannot share a run.

    Args:
        high, low: what is told of them.
        formats: of their latents, equal where they mean the same.

    Raises:
        ValueError: they are no flow models, or their latents are not the same.
    """
    if NoiseProcess.VE in (high.process, low.process):
        raise ValueError("two experts share the levels of a flow model: use Wan 2.2 A14B's two")
    if formats[0] != formats[1]:
        raise ValueError(
            f"the experts work on different latents, {formats[0]} and {formats[1]}: use the two "
            "files of one model"
        )


def check_alone(after: object) -> None:
    """Refuse a third expert.

    Raises:
        ValueError: the guider hands over already.
    """
    if after is not None:
        raise ValueError("a guider is two experts already: connect those of two Denoisers")
