"""ComfyUI's samplers and schedulers by name, as far as ours give its results on a flow model."""

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
"""Above this value of `denoise`, ComfyUI runs the whole schedule."""

UNIPC_ORDER, UNIPC_END = 3, 0.001
"""UniPC's highest order in ComfyUI, and the level at which it ends instead of at 0."""

LEAVES_OUT_A_LEVEL = ("uni_pc", "uni_pc_bh2")
"""Samplers for which KSampler adds a step and leaves out the last level above 0."""


def _in_turn(solver: Solver) -> Solver:
    """Give a solver ComfyUI's noise: drawn step by step, from the run's seed plus 1."""

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
    """Run UniPC as for a VE state, to just above level 0, and rescale the result to level 0."""
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
"""Solvers that match ComfyUI's of the same name step by step."""


def known_sampler(name: str | None) -> bool | str:
    """Return True for a solver of this host (or one that comes over a link), else what to do."""
    if name in (None, *SAMPLERS):
        return True
    return (
        f"input sampler_name: this host does not have {name!r}: run the workflow in ComfyUI, or "
        f"use the Solver node (SpacetimeSolver) with Sample or SamplerCustomAdvanced, or one of "
        f"{', '.join(SAMPLERS)}"
    )


def known_scheduler(name: str | None) -> bool | str:
    """Return True for a scheduler of this host (or one that comes over a link), else what to do."""
    if name in (None, *SCHEDULERS):
        return True
    return (
        f"input scheduler: {name!r} is not one of ComfyUI's schedulers for a flow model: use one "
        f"of {', '.join(SCHEDULERS)}"
    )


def ksampler_sigmas(
    sampler: str, scheduler: str, steps: int, shift: float, denoise: float
) -> Tensor:
    """Return the noise levels that KSampler uses with a sampler."""
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
    """Return the last ``steps`` steps of a schedule of ``steps / denoise``; none at denoise 0."""
    if denoise <= 0:
        return torch.zeros(0)
    if denoise > WHOLE:
        return schedule(steps, shift)
    return end_of_schedule(lambda total: schedule(total, shift), steps, denoise)
