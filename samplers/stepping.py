"""Operations common to all solvers: read the schedule, call the denoiser, report, move."""

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any, NamedTuple

import torch
from torch import Tensor

from .denoiser import Denoiser
from .process import NoiseProcess

Callback = Callable[[dict[str, Any]], object]


class Step(NamedTuple):
    """One step of a solver from noise level ``sigma`` to ``next_sigma``, as Python floats."""

    number: int
    sigma: float
    next_sigma: float

    @property
    def remaining(self) -> float:
        """Share of the current noise that remains after the step."""
        return self.next_sigma / self.sigma


def plan_steps(sigmas: Tensor) -> list[Step]:
    """Split a schedule (n + 1,) into n steps.

    Raises:
        ValueError: the schedule is not 1-D, negative anywhere, or 0 anywhere but at its end.
    """
    if sigmas.ndim != 1:
        raise ValueError(f"sigmas of shape {tuple(sigmas.shape)}: expected a 1-D tensor of levels")
    levels = sigmas.tolist()
    if any(not level > 0 for level in levels[:-1]) or any(not level >= 0 for level in levels[-1:]):
        raise ValueError(f"sigmas {levels}: all must be above 0; only the last may be 0")
    return [Step(number, *pair) for number, pair in enumerate(pairwise(levels))]


def plan_falling_steps(sigmas: Tensor, process: NoiseProcess) -> list[Step]:
    """Split a schedule into steps for a solver that works with log-SNRs or adds noise.

    Raises:
        ValueError: as in ``plan_steps``, or the levels do not decrease strictly, or are above 1 for
            the flow process.
    """
    steps = plan_steps(sigmas)
    if any(step.next_sigma >= step.sigma for step in steps):
        raise ValueError(
            f"sigmas {sigmas.tolist()}: this solver needs strictly decreasing levels; use euler or "
            "heun for other schedules"
        )
    if process is NoiseProcess.FLOW and any(step.sigma > 1 for step in steps):
        raise ValueError(
            f"sigmas {sigmas.tolist()}: the levels of a flow model lie in [0, 1]; for an eps, v "
            "or EDM model, set the solver's process to VE"
        )
    return steps


def predict(
    denoiser: Denoiser, x: Tensor, sigma: float, extra_args: Mapping[str, Any] | None
) -> Tensor:
    """Call the denoiser with one noise level for the whole batch, sigma (B,) at least float32."""
    dtype = torch.promote_types(x.dtype, torch.float32)
    level = torch.full((x.shape[0],), sigma, dtype=dtype, device=x.device)
    return denoiser(x, level, **(extra_args or {}))


def report(callback: Callback | None, x: Tensor, step: Step, denoised: Tensor) -> None:
    """Report a step to the callback; an exception raised by it stops the run."""
    if callback is None:
        return
    sigma = torch.tensor(step.sigma, device=x.device)
    callback({"x": x, "i": step.number, "sigma": sigma, "sigma_hat": sigma, "denoised": denoised})


def move(x: Tensor, denoised: Tensor, step: Step) -> Tensor:
    """Follow the straight line to ``denoised``: (b/a) x + (1 - b/a) D, exactly D when b is 0.

    In this form, the first-order exponential step, (b/a) x - (1-b) expm1(-h) D, needs no log-SNR
    and is well defined at sigma 1.
    """
    return denoised + step.remaining * (x - denoised)
