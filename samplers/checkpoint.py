"""Stop a solver after any step and resume it later, bit-identically."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, NamedTuple

from torch import Tensor

from .denoiser import Denoiser
from .stepping import Callback, Step


@dataclass(frozen=True, eq=False)
class SolverState:
    """All that a solver needs to go on: it has finished the steps before ``step``.

    Args:
        step: number of the step to do next.
        x: the state at its noise level.
        history: what a multistep solver remembers, newest first; empty for the others.
    """

    step: int
    x: Tensor
    history: tuple[Tensor, ...] = ()


@dataclass(eq=False)
class Checkpoint:
    """Where a run starts and stops, and how far it has come.

    A solver that is given one replaces ``state`` after every step. What interrupts the run, an
    exception of the callback too, leaves the last finished step there.

    Args:
        state: go on from here instead of from the ``x`` that the solver is called with.
        stop: stop before the step of this number; None runs to the end of the schedule.
    """

    state: SolverState | None = None
    stop: int | None = None


class Begin(NamedTuple):
    """What a solver starts with."""

    x: Tensor
    history: tuple[Tensor, ...]
    steps: Sequence[Step]


def begin(x: Tensor, steps: Sequence[Step], checkpoint: Checkpoint | None) -> Begin:
    """Return the state, history and steps that are left to do.

    Raises:
        ValueError: the checkpoint's state does not belong to this run.
    """
    if checkpoint is None:
        return Begin(x, (), steps)
    left = slice(checkpoint.state.step if checkpoint.state else 0, checkpoint.stop)
    if checkpoint.state is None:
        return Begin(x, (), steps[left])
    state = checkpoint.state
    if not 0 <= state.step <= len(steps) or state.x.shape != x.shape:
        raise ValueError(
            f"a state of step {state.step} and shape {tuple(state.x.shape)} cannot continue in a "
            f"run of {len(steps)} steps on {tuple(x.shape)}: use the schedule and the size that "
            "it was saved with"
        )
    return Begin(state.x.to(x), tuple(past.to(x) for past in state.history), steps[left])


def note(
    checkpoint: Checkpoint | None, step: Step, x: Tensor, history: Sequence[Tensor] = ()
) -> None:
    """Write down that ``step`` is finished."""
    if checkpoint is not None:
        checkpoint.state = SolverState(step.number + 1, x, tuple(history))


def showing_what_will_be(solver: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Return a solver that gives its last prediction where its checkpoint stops it early.

    The state of a stopped run is noisy; the clean sample that was predicted in its last step shows
    what will become of it. A run to the end of the schedule gives its result.
    """

    @wraps(solver)
    def solve(
        denoiser: Denoiser,
        x: Tensor,
        sigmas: Tensor,
        extra_args: Mapping[str, Any] | None = None,
        callback: Callback | None = None,
        disable: bool | None = None,
        *,
        checkpoint: Checkpoint,
        **options: Any,
    ) -> Tensor:
        predicted: list[Tensor] = []

        def follow(step: dict[str, Any]) -> None:
            predicted[:] = [step["denoised"]]
            if callback is not None:
                callback(step)

        x = solver(
            denoiser, x, sigmas, extra_args, follow, disable, checkpoint=checkpoint, **options
        )
        ended = checkpoint.stop is None or checkpoint.stop >= len(sigmas) - 1
        return x if ended or not predicted else predicted[0]

    return solve
