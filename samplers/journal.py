"""Stop a solver after any step and go on later, to the same result bit for bit."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor

from .stepping import Step


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
class Journal:
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


def begin(x: Tensor, steps: Sequence[Step], journal: Journal | None) -> Begin:
    """Return the state, history and steps that are left to do.

    Raises:
        ValueError: the journal's state does not belong to this run.
    """
    if journal is None:
        return Begin(x, (), steps)
    left = slice(journal.state.step if journal.state else 0, journal.stop)
    if journal.state is None:
        return Begin(x, (), steps[left])
    state = journal.state
    if not 0 <= state.step <= len(steps) or state.x.shape != x.shape:
        raise ValueError(
            f"a state of step {state.step} and shape {tuple(state.x.shape)} cannot go on in a run "
            f"of {len(steps)} steps on {tuple(x.shape)}: use the schedule and the size that it "
            "was saved with"
        )
    return Begin(state.x.to(x), tuple(past.to(x) for past in state.history), steps[left])


def note(journal: Journal | None, step: Step, x: Tensor, history: Sequence[Tensor] = ()) -> None:
    """Write down that ``step`` is finished."""
    if journal is not None:
        journal.state = SolverState(step.number + 1, x, tuple(history))
