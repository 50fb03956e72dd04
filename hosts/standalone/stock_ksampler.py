"""ComfyUI's own KSampler for the standalone host: same id, inputs, noise and noise levels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor

from ...samplers.masks import stretched
from ...samplers.schedules.stock import SCHEDULERS
from .. import host
from ..keys import Conditioning
from . import io
from .host import StandaloneHost
from .sampling import Model
from .stock_solvers import SAMPLERS, known_sampler, known_scheduler, ksampler_sigmas

ENABLE, DISABLE, MOST_STEPS = "enable", "disable", 10_000
LARGEST_SEED = 0xFFFFFFFFFFFFFFFF


class KSampler(io.ComfyNode):
    """Runs all of sampling in one node."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Inputs as in ComfyUI; both lists hold the choices that give ComfyUI's results."""
        return io.Schema(
            node_id="KSampler",
            display_name="KSampler",
            category="sampling",
            description="Turns noise, or a latent with added noise, into a finished latent.",
            inputs=[
                io.Model.Input("model", tooltip="The diffusion model."),
                seed_input("seed"),
                *_run(),
                io.Float.Input(
                    "denoise",
                    default=1.0,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="Below 1, the given latent is changed only by this much.",
                ),
            ],
            outputs=[io.Latent.Output(tooltip="The finished latent.")],
        )

    @classmethod
    def validate_inputs(cls, sampler_name: str | None, scheduler: str | None) -> bool | str:
        """Check that this host has the sampler and the scheduler; if not, say what to do."""
        return _known(sampler_name, scheduler)

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
        """Draw ComfyUI's noise and sample; as in ComfyUI, the run ignores frame rate and loop."""
        sigmas = ksampler_sigmas(sampler_name, scheduler, steps, model.shift, denoise)
        guider = host().sampling.make_guider(model, positive, negative, cfg)
        return _sampled(guider, sampler_name, sigmas, latent_image, seed)


class KSamplerAdvanced(io.ComfyNode):
    """Runs some of the steps of sampling."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Inputs as in ComfyUI."""
        return io.Schema(
            node_id="KSamplerAdvanced",
            display_name="KSampler (Advanced)",
            category="sampling",
            description="Runs some of the steps of a schedule, so that several nodes, each with "
            "its own model, can share a run.",
            inputs=[
                io.Model.Input("model", tooltip="The diffusion model."),
                io.Combo.Input(
                    "add_noise", options=[ENABLE, DISABLE], tooltip="Disable after the first part."
                ),
                seed_input("noise_seed"),
                *_run(),
                io.Int.Input(
                    "start_at_step", default=0, min=0, max=MOST_STEPS, tooltip="First step, from 0."
                ),
                io.Int.Input(
                    "end_at_step",
                    default=MOST_STEPS,
                    min=0,
                    max=MOST_STEPS,
                    tooltip="The step to stop before.",
                ),
                io.Combo.Input(
                    "return_with_leftover_noise",
                    options=[DISABLE, ENABLE],
                    tooltip="Enable if another part follows.",
                ),
            ],
            outputs=[io.Latent.Output(tooltip="The latent after these steps.")],
        )

    @classmethod
    def validate_inputs(cls, sampler_name: str | None, scheduler: str | None) -> bool | str:
        """Check that this host has the sampler and the scheduler; if not, say what to do."""
        return _known(sampler_name, scheduler)

    @classmethod
    def execute(
        cls,
        model: Model,
        add_noise: str,
        noise_seed: int,
        steps: int,
        cfg: float,
        sampler_name: str,
        scheduler: str,
        positive: Conditioning,
        negative: Conditioning,
        latent_image: Mapping[str, Any],
        start_at_step: int,
        end_at_step: int,
        return_with_leftover_noise: str,
    ) -> io.NodeOutput:
        """Cut the schedule and sample; without leftover noise, a part ends at level 0."""
        whole = ksampler_sigmas(sampler_name, scheduler, steps, model.shift, 1.0)
        sigmas = whole[: end_at_step + 1].clone()
        if return_with_leftover_noise == DISABLE and len(sigmas) > 0:
            sigmas[-1] = 0
        left = sigmas[start_at_step:] if start_at_step < len(sigmas) - 1 else sigmas[:0]
        guider = host().sampling.make_guider(model, positive, negative, cfg)
        fresh = add_noise == ENABLE
        return _sampled(guider, sampler_name, left, latent_image, noise_seed, fresh=fresh)


def seed_input(id: str) -> io.Int.Input:
    """Return the input for the seed of the noise."""
    return io.Int.Input(
        id,
        default=0,
        min=0,
        max=LARGEST_SEED,
        control_after_generate=True,
        tooltip="The same seed gives the same noise.",
    )


def cfg_input() -> io.Float.Input:
    """Return the input for the scale of classifier-free guidance."""
    return io.Float.Input(
        "cfg",
        default=8.0,
        min=0.0,
        max=100.0,
        step=0.1,
        round=0.01,
        tooltip="How strongly the prompt is followed; 1 ignores the negative prompt.",
    )


def _run() -> list[io.Input]:
    return [
        io.Int.Input("steps", default=20, min=1, max=MOST_STEPS, tooltip="Sampling steps."),
        cfg_input(),
        io.Combo.Input(
            "sampler_name", options=list(SAMPLERS), tooltip="How to step through the noise levels."
        ),
        io.Combo.Input(
            "scheduler", options=list(SCHEDULERS), tooltip="How to space the noise levels."
        ),
        io.Conditioning.Input("positive", tooltip="What to show."),
        io.Conditioning.Input("negative", tooltip="What to avoid."),
        io.Latent.Input("latent_image", tooltip="The latent to start from, which may be empty."),
    ]


def _known(sampler_name: str | None, scheduler: str | None) -> bool | str:
    problems = [known_sampler(sampler_name), known_scheduler(scheduler)]
    return "; ".join(each for each in problems if isinstance(each, str)) or True


def _sampled(
    guider: Any,
    sampler_name: str,
    sigmas: Tensor,
    latent_image: Mapping[str, Any],
    seed: int,
    *,
    fresh: bool = True,
) -> io.NodeOutput:
    """Sample with ComfyUI's noise, or none; without noise levels, return the latent unchanged."""
    latent = host().sampling.fit_latent(guider, latent_image)
    if len(sigmas) == 0:
        return io.NodeOutput(latent)
    noise = BatchNoise(seed) if fresh else NoNoise()
    standalone = cast(StandaloneHost, host())
    samples, _ = standalone.sampling.sample_and_predict(
        guider,
        noise.generate_noise(latent),
        host().sampling.make_sampler(SAMPLERS[sampler_name], {}),
        sigmas,
        said_to_stock_nodes(latent),
        seed,
    )
    return io.NodeOutput({**latent, "samples": samples})


def said_to_stock_nodes(latent: Mapping[str, Any]) -> dict[str, Any]:
    """Return what ComfyUI's own sampling nodes read of a LATENT, without frame rate and loop.

    They stretch a noise mask over the latent frames, whatever the mask's frames stand for.
    """
    told = {"samples": latent["samples"]}
    if "noise_mask" in latent:
        told["noise_mask"] = stretched(latent["noise_mask"], latent["samples"])
    return told


@dataclass(frozen=True)
class BatchNoise:
    """ComfyUI's NOISE: the whole batch at once from one generator on the CPU."""

    seed: int

    def generate_noise(self, latent: Mapping[str, Any]) -> Tensor:
        """Return noise shaped like the samples; ``batch_index`` names rows of a larger batch."""
        return batch_noise(latent["samples"], self.seed, latent.get("batch_index"))


class NoNoise:
    """NOISE that is zero everywhere."""

    seed = 0

    def generate_noise(self, latent: Mapping[str, Any]) -> Tensor:
        """Return zeros shaped like the samples."""
        return torch.zeros_like(latent["samples"], device="cpu")


def batch_noise(samples: Tensor, seed: int, batch_index: Sequence[int] | None = None) -> Tensor:
    """Draw ComfyUI's noise: the whole batch at once from one generator on the CPU.

    Args:
        samples: (B, C, F, H, W), for shape and dtype.
        seed: 0 to 2^64 - 1.
        batch_index: for each row, its number in a larger batch, whose noise it gets.
    """
    generator = torch.Generator("cpu").manual_seed(seed)

    def draw(rows: int) -> Tensor:
        shape = (rows, *samples.shape[1:])
        return torch.randn(shape, generator=generator, dtype=samples.dtype)

    if batch_index is None:
        return draw(len(samples))
    drawn = [draw(1) for _ in range(max(batch_index) + 1)]
    return torch.cat([drawn[index] for index in batch_index])


NODES = [KSampler, KSamplerAdvanced]
