"""Resampling: repeat steps so that the generated part matches the given part, for any network."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import partial, wraps
from typing import Any, NamedTuple

from torch import Tensor

from .checkpoint import Checkpoint, begin, note
from .noise.steps import StepNoise, noise_for
from .process import NoiseProcess
from .solvers.ancestral import renoise
from .stepping import Step, plan_steps

TIMES, LOW, HIGH = 3, 0.3, 0.95
"""How often a step is run, and the range of flow noise levels, which decide motion, to repeat."""


def resampled(
    solver: Callable[..., Tensor],
    *,
    process: NoiseProcess,
    draws: StepNoise | None = None,
    times: int = TIMES,
) -> Callable[..., Tensor]:
    """Wrap a solver so that it renoises its state after a step and repeats the step.

    A network that is not conditioned on the given part sees it only as noisy as the rest and reacts
    too late. Each repetition lets the generated part catch up with it. Steps that start above or
    below the range of levels run once; a multistep solver restarts at every repeated step. The
    wrapped solver supports checkpoints even if the original does not.
    Source: Lugmayr et al., "RePaint: Inpainting using Denoising Diffusion Probabilistic Models",
    2022, with a jump length of one step.

    Args:
        solver: a solver with the common signature.
        process: how states mix signal and noise.
        draws: number -> noise in the shape of the state, for the solver's own noise and for
            renoising before a repetition; None draws from the run's seed.
        times: how often each step is run; 1 is the solver itself.
    """

    known = inspect.signature(solver)
    noisy = "noise" in known.parameters

    @wraps(solver)
    def solve(
        denoiser: Any,
        x: Tensor,
        sigmas: Tensor,
        extra_args: Mapping[str, Any] | None = None,
        callback: Callable[[dict[str, Any]], object] | None = None,
        disable: bool | None = None,
        *,
        checkpoint: Checkpoint | None = None,
        **options: Any,
    ) -> Tensor:
        fresh = noise_for(x, draws or options.get("noise"), extra_args)
        x, _, steps = begin(x, plan_steps(sigmas), checkpoint)
        for part in _parts(sigmas, steps, process, times):
            for left in reversed(range(part.repeats)):
                drawn = part.drawn(left)
                report = _shifted(callback, part.steps[0].number) if left == 0 else None
                own = {**options, "noise": partial(_later, fresh, drawn)} if noisy else options
                extra = _reseeded(extra_args, drawn)
                x = solver(denoiser, x, part.levels, extra, report, disable, **own)
                if left:
                    low, high = part.steps[-1].next_sigma, part.steps[0].sigma
                    x = renoise(x, fresh(drawn + len(part.steps)), low, high, process)
            note(checkpoint, part.steps[-1], x)
        return x

    solve.__signature__ = _with_checkpoint(known)  # pyright: ignore[reportAttributeAccessIssue]
    return solve


def _with_checkpoint(known: inspect.Signature) -> inspect.Signature:
    """Add a ``checkpoint`` parameter to a solver's signature."""
    others = [each for name, each in known.parameters.items() if name != "checkpoint"]
    added = inspect.Parameter("checkpoint", inspect.Parameter.KEYWORD_ONLY, default=None)
    variable = [each for each in others if each.kind is inspect.Parameter.VAR_KEYWORD]
    fixed = [each for each in others if each not in variable]
    return known.replace(parameters=[*fixed, added, *variable])


class _Part(NamedTuple):
    """Steps that run together, how often, and the number of the first noise they may draw."""

    steps: Sequence[Step]
    levels: Tensor
    repeats: int
    first: int

    def drawn(self, left: int) -> int:
        """Number of a repetition's first noise: one is for its step, one for renoising after it."""
        return self.first + 2 * (self.repeats - 1 - left)


def _parts(sigmas: Tensor, steps: Sequence[Step], process: NoiseProcess, times: int) -> list[_Part]:
    """Group the remaining steps: repeated steps singly, the others in runs."""
    low, high = process.level_of(LOW), process.level_of(HIGH)

    def repeats(step: Step) -> int:
        return times if low <= step.sigma <= high and step.next_sigma > 0 else 1

    rows: list[list[Step]] = []
    for step in steps:
        if rows and repeats(step) == repeats(rows[-1][-1]) == 1:
            rows[-1].append(step)
        else:
            rows.append([step])
    each = 1 if times == 1 else 2 * times
    return [
        _Part(
            row,
            sigmas[row[0].number : row[-1].number + 2],
            repeats(row[0]),
            row[0].number * each,
        )
        for row in rows
    ]


def _later(source: StepNoise, drawn: int, step: int) -> Tensor:
    """Noise for a step of a part, distinct from the noise of all earlier parts."""
    return source(drawn + step)


def _reseeded(extra_args: Mapping[str, Any] | None, drawn: int) -> dict[str, Any]:
    """Change the seed for each part, since the host's solvers restart their generator from it."""
    extra = dict(extra_args or {})
    return {**extra, "seed": extra["seed"] + drawn} if extra.get("seed") is not None else extra


def _shifted(
    callback: Callable[[dict[str, Any]], object] | None, first: int
) -> Callable[[dict[str, Any]], object] | None:
    """Wrap a callback so that step numbers count in the whole schedule."""
    if callback is None:
        return None
    return lambda told: callback({**told, "i": told["i"] + first})
