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
    """Everything a solver needs to resume; the steps before ``step`` are finished.

    Args:
        step: number of the next step.
        x: the state at its noise level.
        history: past values of a multistep solver, newest first; empty for other solvers.
    """

    step: int
    x: Tensor
    history: tuple[Tensor, ...] = ()


@dataclass(eq=False)
class Checkpoint:
    """Where a run starts and stops, and its current progress.

    A solver that takes a checkpoint replaces ``state`` after every step. If the run is interrupted,
    even by an exception in the callback, ``state`` holds the last finished step.

    Args:
        state: resume from this state instead of the ``x`` passed to the solver.
        stop: stop before the step with this number; None runs to the end of the schedule.
    """

    state: SolverState | None = None
    stop: int | None = None


class Begin(NamedTuple):
    """The state, history and remaining steps that a solver starts with."""

    x: Tensor
    history: tuple[Tensor, ...]
    steps: Sequence[Step]


def begin(x: Tensor, steps: Sequence[Step], checkpoint: Checkpoint | None) -> Begin:
    """Return the initial state, the history and the remaining steps.

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
            f"run of {len(steps)} steps with shape {tuple(x.shape)}: use the schedule and the size "
            "that it was saved with"
        )
    return Begin(state.x.to(x), tuple(past.to(x) for past in state.history), steps[left])


def note(
    checkpoint: Checkpoint | None, step: Step, x: Tensor, history: Sequence[Tensor] = ()
) -> None:
    """Record in the checkpoint that ``step`` is finished."""
    if checkpoint is not None:
        checkpoint.state = SolverState(step.number + 1, x, tuple(history))


def showing_what_will_be(solver: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Wrap a solver so that it returns its last x0 prediction when the checkpoint stops it early.

    The state of a stopped run is noisy; the x0 prediction of its last step previews the result.
    A run that reaches the end of the schedule returns its result as usual.
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
