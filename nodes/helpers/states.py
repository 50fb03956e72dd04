"""The value of a SPACETIME_SAMPLING_STATE socket: a run stopped between two steps."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ...hosts import host
from ...hosts.solver_options import SolverCall, taken
from ...samplers.checkpoint import Checkpoint, SolverState, showing_what_will_be
from ...samplers.checks import check_one_stream
from ...samplers.guidance.plan import GuidancePlan, Projection
from ...samplers.noise.sources import step_noise_of
from ...samplers.process import NoiseProcess
from ...samplers.solvers import SOLVERS, STOCHASTIC_SOLVERS
from ...timeline import softened
from .edits import check_edit
from .start import begun, gives, repeats_steps, with_repetitions
from .trained import warn_if_untrained, warn_of_distillation

STATE = "SPACETIME_SAMPLING_STATE"

NOISE_TOLERANCE = 1e-3
"""Tolerance for values of the same noise on two machines."""


@dataclass(frozen=True, kw_only=True)
class SolverChoice:
    """A solver by its name in the Solver node, with its options."""

    name: str
    options: Mapping[str, Any]

    def __str__(self) -> str:
        numbers = ", ".join(f"{name} {value}" for name, value in self.options.items())
        return f"{self.name} ({numbers})" if numbers else self.name


@dataclass(frozen=True, kw_only=True, eq=False)
class SamplingState:
    """Everything needed to resume a run, on the CPU.

    Args:
        at: the next step, the noisy state as the network sees it, and the solver's memory.
        sigmas: noise levels of the whole run.
        solver: that made the steps.
        seed: of the noise.
        noise: some values of the run's initial noise, to recognise it.
        latent: the LATENT that the run works on.
        so_far: raw samples predicted in the last step, shaped like the latent's.
    """

    at: SolverState
    sigmas: Tensor
    solver: SolverChoice
    seed: int
    noise: Tensor
    latent: Mapping[str, Any]
    so_far: Tensor

    @property
    def steps(self) -> int:
        """Number of steps of the whole run."""
        return len(self.sigmas) - 1

    @property
    def look(self) -> dict[str, Any]:
        """LATENT predicted in the last step; for a finished run, its result."""
        return {**self.latent, "samples": self.so_far}


def start_run(
    guider: Any, noise: Any, sampler: Any, sigmas: Tensor, latent: Mapping[str, Any], stop: int
) -> SamplingState:
    """Sample a LATENT up to a step.

    Args:
        guider, noise, sampler, sigmas, latent: as for Sample.
        stop: number of steps to run.

    Raises:
        ValueError: the schedule has fewer steps, the sampler cannot be stopped, or the latent
            holds several streams.
    """
    check_one_stream(latent["samples"], "it cannot be stopped and resumed yet, use Sample")
    solver = _choice(_stoppable(sampler))
    latent = host().sampling.fit_latent(guider, latent)
    sigmas = _begun(guider, sigmas, latent)
    _check_stop(stop, 0, len(sigmas) - 1)
    checkpoint = Checkpoint(stop=stop)
    so_far = _run(guider, noise, sampler, sigmas, latent, checkpoint)
    return SamplingState(
        at=_at(checkpoint),
        sigmas=sigmas.cpu(),
        solver=solver,
        seed=noise.seed,
        noise=_some_of(noise, latent),
        latent=latent,
        so_far=so_far.cpu(),
    )


def _begun(guider: Any, sigmas: Tensor, latent: Mapping[str, Any]) -> Tensor:
    levels = begun(guider, sigmas, [latent])
    if len(levels) == 1 < len(sigmas):
        raise ValueError(
            "all of the latent is given, so there are no steps to stop after: use Sample, which "
            "passes it through, or let some of it change"
        )
    return levels


def resume(guider: Any, noise: Any, sampler: Any, state: SamplingState, stop: int) -> SamplingState:
    """Continue a run up to a step; 0 runs to the end.

    Raises:
        ValueError: the run is already there, or the noise or the solver differ from the run's.
    """
    if stop:
        _check_stop(stop, state.at.step, state.steps)
    _check_noise(state, noise)
    _check_solver(state, _choice(_stoppable(sampler)))
    checkpoint = Checkpoint(state.at, stop=stop or None)
    so_far = _run(guider, noise, sampler, state.sigmas, state.latent, checkpoint)
    return replace(state, at=_at(checkpoint), so_far=so_far.cpu())


def _run(
    guider: Any,
    noise: Any,
    sampler: Any,
    sigmas: Tensor,
    latent: Mapping[str, Any],
    checkpoint: Checkpoint,
) -> Tensor:
    """Sample between the two ends of the checkpoint and return the predicted result."""
    warn_of_distillation(guider, sampler)
    check_edit(guider, sampler, [latent])
    warn_if_untrained(guider, [latent])
    _warn_of_memory(guider)
    if gives(latent) and repeats_steps(guider):
        sampler = with_repetitions(guider, sampler, step_noise_of(noise, latent))
    call = _stoppable(sampler)
    stopping = host().sampling.make_sampler(showing_what_will_be(call.solver), call.options)
    draws = step_noise_of(noise, latent)
    guider = host().sampling.with_draws(guider, draws)
    stopping = host().sampling.with_options(stopping, {"checkpoint": checkpoint, "noise": draws})
    return host().sampling.sample(
        guider, noise.generate_noise(latent), stopping, sigmas, softened(latent), noise.seed
    )


def _at(checkpoint: Checkpoint) -> SolverState:
    state = checkpoint.state
    if state is None:
        raise ValueError("the run made no step: connect a schedule with at least one step")
    return SolverState(state.step, state.x.cpu(), tuple(past.cpu() for past in state.history))


def _stoppable(sampler: Any) -> SolverCall:
    """The solver of a sampler of the pack."""
    call = host().sampling.solver_of(sampler)
    if call is None or not taken(call.solver, {"checkpoint": None}):
        raise ValueError(
            f"a {type(sampler).__name__} of {host().name} cannot be stopped and resumed with the "
            "same result: use Solver or LCM Sampler"
        )
    return call


def _choice(call: SolverCall) -> SolverChoice:
    """Name a solver and its options, including those left at their defaults."""
    known = inspect.signature(call.solver).parameters
    given = {name: call.options.get(name, each.default) for name, each in known.items()}
    numbers = {name: each for name, each in given.items() if isinstance(each, int | float | str)}
    every = {**SOLVERS, **STOCHASTIC_SOLVERS}
    bound = call.solver if isinstance(call.solver, partial) else partial(call.solver)
    if isinstance(process := bound.keywords.get("process"), NoiseProcess):  # a solver of the host
        numbers["process"] = process.value
    names = [
        name
        for each in (call.solver, bound.func)
        for name, solver in every.items()
        if solver is each
    ]
    return SolverChoice(name=names[0] if names else bound.func.__name__, options=numbers)


def _some_of(noise: Any, latent: Mapping[str, Any]) -> Tensor:
    """One value of every frame of noise (B, C, F, H, W), or of every row of another shape."""
    drawn = noise.generate_noise(latent)
    values = drawn[:, 0].flatten(2)[..., 0] if drawn.ndim == 5 else drawn.flatten(1)[:, 0]
    return values.float().cpu().contiguous()


def _check_stop(stop: int, done: int, steps: int) -> None:
    if not done < stop <= steps:
        left = f"use {done + 1} to {steps}" if done < steps else "use 0, which passes it through"
        raise ValueError(
            f"stop_after {stop}: the run has {steps} steps, of which {done} are done; {left}"
        )


def _check_noise(state: SamplingState, noise: Any) -> None:
    some = _some_of(noise, state.latent)
    if some.shape == state.noise.shape and torch.allclose(some, state.noise, atol=NOISE_TOLERANCE):
        return
    what = f"the noise has the seed {noise.seed}, but the run was started with {state.seed}"
    if noise.seed == state.seed:
        what = f"the noise of seed {noise.seed} is generated differently from the run's"
    raise ValueError(f"{what}: connect the same Noise as for Sample Steps")


def _check_solver(state: SamplingState, choice: SolverChoice) -> None:
    if choice != state.solver:
        raise ValueError(
            f"the run was started with {state.solver}, but the sampler is {choice}: connect the "
            "same one as for Sample Steps"
        )


def _warn_of_memory(guider: Any) -> None:
    plan = host().sampling.about(guider).plan or GuidancePlan()
    remembers = {
        "its step cache": plan.cache is not None and plan.cache.threshold > 0,
        "its momentum": isinstance(plan.rule, Projection) and plan.rule.momentum != 0,
    }
    found = " and ".join(name for name, there in remembers.items() if there)
    if found:
        host().session.warn(
            f"the guidance restarts {found} in a resumed run: the result is close to that of an "
            "uninterrupted run, but not identical"
        )
