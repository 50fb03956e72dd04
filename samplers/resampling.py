"""Repeated steps that bring what is made into line with what is given, for any network."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import partial, wraps
from itertools import pairwise
from typing import Any

from torch import Tensor

from .noise.steps import StepNoise, noise_for
from .process import NoiseProcess
from .solvers.ancestral import renoise

TIMES, LOW, HIGH = 3, 0.3, 0.95
"""How often a step is made, and between which levels (as a flow model's), which decide motion."""


def resampled(
    solver: Callable[..., Tensor],
    *,
    process: NoiseProcess,
    draws: StepNoise | None = None,
    times: int = TIMES,
) -> Callable[..., Tensor]:
    """A solver that noises its state again after a step and makes the step once more.

    A network that knows of nothing given sees it only as noisy as the rest, and answers too late.
    Each repetition lets what is made follow it. Steps that begin at high or low levels are made
    once; a multistep solver begins anew at every repeated one.
    Source: Lugmayr et al., "RePaint: Inpainting using Denoising Diffusion Probabilistic Models",
    2022, whose jumps have the length of one step here.

    Args:
        solver: with the signature of all solvers.
        process: how states mix signal and noise.
        draws: number -> noise in the shape of the state, what the solver adds and what is added
            before a repetition; None draws from the run's seed.
        times: how often a step is made.
    """

    noisy = "noise" in inspect.signature(solver).parameters

    @wraps(solver)
    def solve(
        denoiser: Any,
        x: Tensor,
        sigmas: Tensor,
        extra_args: Mapping[str, Any] | None = None,
        callback: Callable[[dict[str, Any]], object] | None = None,
        disable: bool | None = None,
        **options: Any,
    ) -> Tensor:
        source = draws or options.get("noise")
        fresh, drawn = noise_for(x, source, extra_args), 0
        for first, levels, repeats in _parts(sigmas, process, times):
            for left in reversed(range(repeats)):
                report = _shifted(callback, first) if left == 0 else None
                own = {**options, "noise": partial(_later, fresh, drawn)} if noisy else options
                extra = _reseeded(extra_args, drawn)
                x = solver(denoiser, x, levels, extra, report, disable, **own)
                drawn += len(levels) - 1
                if left:
                    low, high = float(levels[-1]), float(levels[0])
                    x = renoise(x, fresh(drawn), low, high, process)
                    drawn += 1
        return x

    return solve


def _parts(sigmas: Tensor, process: NoiseProcess, times: int) -> Sequence[tuple[int, Tensor, int]]:
    """First step, levels and repetitions of each part of a schedule: a step, or several once."""
    low, high = process.level_of(LOW), process.level_of(HIGH)
    repeated = [low <= a <= high and b > 0 for a, b in pairwise(sigmas.tolist())]
    starts = [
        number
        for number, here in enumerate(repeated)
        if number == 0 or here or repeated[number - 1]
    ]
    ends = [*starts[1:], len(repeated)]
    return [
        (start, sigmas[start : end + 1], times if repeated[start] else 1)
        for start, end in zip(starts, ends, strict=True)
    ]


def _later(source: StepNoise, drawn: int, step: int) -> Tensor:
    """Noise for a step of a part, which no part before has had."""
    return source(drawn + step)


def _reseeded(extra_args: Mapping[str, Any] | None, drawn: int) -> dict[str, Any]:
    """Another seed for each part: solvers of the host draw from it anew each time."""
    extra = dict(extra_args or {})
    return {**extra, "seed": extra["seed"] + drawn} if extra.get("seed") is not None else extra


def _shifted(
    callback: Callable[[dict[str, Any]], object] | None, first: int
) -> Callable[[dict[str, Any]], object] | None:
    """A callback that counts a part's steps in the whole schedule."""
    if callback is None:
        return None
    return lambda told: callback({**told, "i": told["i"] + first})
