"""ComfyUI's samplers and schedulers by name, where ours give the same on a flow model."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ...samplers.denoiser import Denoiser
from ...samplers.process import NoiseProcess
from ...samplers.schedules.flow import end_of_schedule
from ...samplers.schedules.stock import SCHEDULERS
from ...samplers.solvers import (
    sample_dpmpp_2m,
    sample_euler,
    sample_euler_ancestral,
    sample_heun,
    sample_lcm,
    sample_unipc,
)
from ...samplers.solvers.unipc import Variant
from ...samplers.stepping import Callback

Solver = Callable[..., Tensor]

WHOLE = 0.9999
"""ComfyUI takes a `denoise` above this for all of the schedule."""

UNIPC_ORDER, UNIPC_END = 3, 0.001
"""Its highest order, and the level at which ComfyUI's UniPC ends instead of 0."""

LEAVES_OUT_A_LEVEL = ("uni_pc", "uni_pc_bh2")
"""For these KSampler takes one step more and leaves the last level above 0 out."""


def _in_turn(solver: Solver) -> Solver:
    """The solver with ComfyUI's noise: the seed after the run's, drawn step after step."""

    def solve(
        denoiser: Denoiser,
        x: Tensor,
        sigmas: Tensor,
        extra_args: Mapping[str, Any] | None = None,
        callback: Callback | None = None,
        disable: bool | None = None,
    ) -> Tensor:
        generator = torch.Generator("cpu").manual_seed((extra_args or {}).get("seed", 0) + 1)

        def noise(step: int) -> Tensor:
            return torch.randn(x.shape, generator=generator, dtype=x.dtype)

        return solver(denoiser, x, sigmas, extra_args, callback, disable, noise=noise)

    return solve


def _unipc(
    denoiser: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    extra_args: Mapping[str, Any] | None = None,
    callback: Callback | None = None,
    disable: bool | None = None,
    *,
    variant: Variant,
) -> Tensor:
    """UniPC that takes the state for a VE one and ends just above level 0, which is divided out."""
    ends_clean = sigmas[-1] == 0
    levels = torch.cat([sigmas[:-1], sigmas.new_tensor([UNIPC_END])]) if ends_clean else sigmas
    order = max(1, min(UNIPC_ORDER, len(levels) - 2))
    made = sample_unipc(
        denoiser, x, levels, extra_args, callback, disable,
        order=order, variant=variant, process=NoiseProcess.VE, lower_order_final=True,
    )  # fmt: skip
    return made / (1 - UNIPC_END) if ends_clean else made


SAMPLERS: Mapping[str, Solver] = {
    "euler": sample_euler,
    "euler_ancestral": _in_turn(sample_euler_ancestral),
    "heun": sample_heun,
    "dpmpp_2m": partial(sample_dpmpp_2m, process=NoiseProcess.VE),
    "lcm": _in_turn(sample_lcm),
    "uni_pc": partial(_unipc, variant="bh1"),
    "uni_pc_bh2": partial(_unipc, variant="bh2"),
}
"""Solvers that are ComfyUI's of the same name step for step."""


def known_sampler(name: str | None) -> bool | str:
    """Return True for a solver that runs here (or comes by a link), else what to do."""
    if name in (None, *SAMPLERS):
        return True
    return (
        f"input sampler_name: {name!r} is ComfyUI's own: run the workflow there, or use the Solver "
        f"node (SpacetimeSolver) with Sample or SamplerCustomAdvanced; here are "
        f"{', '.join(SAMPLERS)}"
    )


def known_scheduler(name: str | None) -> bool | str:
    """Return True for a scheduler that runs here (or comes by a link), else what to do."""
    if name in (None, *SCHEDULERS):
        return True
    return (
        f"input scheduler: {name!r} is none of ComfyUI's schedulers for a flow model: use one of "
        f"{', '.join(SCHEDULERS)}"
    )


def ksampler_sigmas(
    sampler: str, scheduler: str, steps: int, shift: float, denoise: float
) -> Tensor:
    """The levels that KSampler goes through with a sampler."""
    schedule = SCHEDULERS[scheduler]
    if sampler not in LEAVES_OUT_A_LEVEL:
        return partial_sigmas(schedule, steps, shift, denoise)

    def one_left_out(steps: int, shift: float) -> Tensor:
        sigmas = schedule(steps + 1, shift)
        return torch.cat([sigmas[:-2], sigmas[-1:]])

    return partial_sigmas(one_left_out, steps, shift, denoise)


def partial_sigmas(
    schedule: Callable[[int, float], Tensor], steps: int, shift: float, denoise: float
) -> Tensor:
    """The last ``steps`` steps of a schedule of ``steps / denoise``; none where it is 0."""
    if denoise <= 0:
        return torch.zeros(0)
    if denoise > WHOLE:
        return schedule(steps, shift)
    return end_of_schedule(lambda total: schedule(total, shift), steps, denoise)
