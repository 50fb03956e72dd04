"""ComfyUI's own KSampler for the standalone host: same id, inputs, noise and noise levels."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ...samplers.schedules.flow import end_of_schedule, normal_sigmas, simple_sigmas
from ...samplers.solvers import sample_euler, sample_heun
from .. import host
from ..interface import Conditioning
from . import io
from .sampling import Model

SAMPLERS: Mapping[str, Callable[..., Tensor]] = {"euler": sample_euler, "heun": sample_heun}
"""Solvers that are ComfyUI's of the same name step for step."""

SCHEDULERS: Mapping[str, Callable[[int, float], Tensor]] = {
    "simple": simple_sigmas,
    "normal": normal_sigmas,
}

WHOLE = 0.9999
"""ComfyUI takes a `denoise` above this for all of the schedule."""


class KSampler(io.ComfyNode):
    """A whole sampling run in one node."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Inputs as in ComfyUI; the two lists hold what gives the same result here."""
        return io.Schema(
            node_id="KSampler",
            display_name="KSampler",
            category="sampling",
            description="Turns noise, or a latent with noise on it, into a finished latent.",
            inputs=[
                io.Model.Input("model", tooltip="The diffusion model."),
                io.Int.Input(
                    "seed",
                    default=0,
                    min=0,
                    max=0xFFFFFFFFFFFFFFFF,
                    control_after_generate=True,
                    tooltip="The same seed gives the same noise.",
                ),
                io.Int.Input("steps", default=20, min=1, max=10000, tooltip="Sampling steps."),
                io.Float.Input(
                    "cfg",
                    default=8.0,
                    min=0.0,
                    max=100.0,
                    step=0.1,
                    round=0.01,
                    tooltip="How strongly the prompt is followed; 1 leaves the negative out.",
                ),
                io.Combo.Input(
                    "sampler_name", options=list(SAMPLERS), tooltip="How to step through the noise."
                ),
                io.Combo.Input(
                    "scheduler", options=list(SCHEDULERS), tooltip="Which noise levels to visit."
                ),
                io.Conditioning.Input("positive", tooltip="What to show."),
                io.Conditioning.Input("negative", tooltip="What to move away from."),
                io.Latent.Input("latent_image", tooltip="What to start from, zeros for nothing."),
                io.Float.Input(
                    "denoise",
                    default=1.0,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="Below 1 the given latent is changed only that much.",
                ),
            ],
            outputs=[io.Latent.Output(tooltip="The finished latent.")],
        )

    @classmethod
    def validate_inputs(cls, sampler_name: str | None, scheduler: str | None) -> bool | str:
        """Point to where the names that are missing here can be run."""
        if sampler_name not in (None, *SAMPLERS):
            return (
                f"sampler {sampler_name!r} is ComfyUI's own: run the workflow there, or use the "
                f"Solver node (SpacetimeSolver) with Sample; this KSampler has {_names(SAMPLERS)}"
            )
        if scheduler not in (None, *SCHEDULERS):
            return (
                f"scheduler {scheduler!r} is ComfyUI's own: run the workflow there; this "
                f"KSampler has {_names(SCHEDULERS)}"
            )
        return True

    @classmethod
    def execute(
        cls,
        model: Model,
        seed: int,
        steps: int,
        cfg: float,
        sampler_name: str,
        scheduler: str,
        positive: Conditioning,
        negative: Conditioning,
        latent_image: Mapping[str, Any],
        denoise: float = 1.0,
    ) -> io.NodeOutput:
        """Draw ComfyUI's noise and sample; frame rate and loop are unknown to the run, as there."""
        start = fit_empty(latent_image["samples"], channels=model.latent.channels)
        sigmas = partial_sigmas(SCHEDULERS[scheduler], steps, model.shift, denoise)
        if len(sigmas) == 0:
            return io.NodeOutput({**latent_image, "samples": start})
        mask = {key: latent_image[key] for key in latent_image if key == "noise_mask"}
        samples = host().sample(
            host().make_guider(model, positive, negative, cfg),
            batch_noise(start, seed, latent_image.get("batch_index")),
            host().make_sampler(SAMPLERS[sampler_name], {}),
            sigmas,
            {"samples": start, **mask},
            seed,
        )
        return io.NodeOutput({**latent_image, "samples": samples})


def _names(choices: Mapping[str, object]) -> str:
    return " and ".join(choices)


def fit_empty(samples: Tensor, *, channels: int) -> Tensor:
    """Give an image latent a frame axis, and zeros the model's channels: (B, C, F, H, W)."""
    if samples.ndim == 4:
        samples = samples.unsqueeze(2)
    if samples.shape[1] != channels and not samples.any():
        samples = samples.new_zeros(len(samples), channels, *samples.shape[2:])
    return samples


def partial_sigmas(
    schedule: Callable[[int, float], Tensor], steps: int, shift: float, denoise: float
) -> Tensor:
    """The last ``steps`` steps of a schedule of ``steps / denoise``; none where it is 0."""
    if denoise <= 0:
        return torch.zeros(0)
    if denoise > WHOLE:
        return schedule(steps, shift)
    return end_of_schedule(lambda total: schedule(total, shift), steps, denoise)


def batch_noise(samples: Tensor, seed: int, batch_index: Sequence[int] | None = None) -> Tensor:
    """Draw ComfyUI's noise: the whole batch at once from one generator on the CPU.

    Args:
        samples: (B, C, F, H, W), for shape and dtype.
        seed: 0 to 2^64 - 1.
        batch_index: row b is the noise that this row had in a larger batch.
    """
    generator = torch.Generator("cpu").manual_seed(seed)

    def draw(rows: int) -> Tensor:
        shape = (rows, *samples.shape[1:])
        return torch.randn(shape, generator=generator, dtype=samples.dtype)

    if batch_index is None:
        return draw(len(samples))
    drawn = [draw(1) for _ in range(max(batch_index) + 1)]
    return torch.cat([drawn[index] for index in batch_index])


NODES = [KSampler]
