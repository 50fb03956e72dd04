"""ComfyUI's own custom sampling for the standalone host: noise, guiders, sigmas and the run."""

from collections.abc import Mapping
from typing import Any, cast

from torch import Tensor

from ...samplers.noise.sources import Noise
from ...samplers.schedules.stock import SCHEDULERS
from .. import host
from ..keys import Conditioning
from . import io
from .host import StandaloneHost
from .sampling import Guider, Model, Sampler
from .stock_ksampler import BatchNoise, NoNoise, cfg_input, said_to_stock_nodes, seed_input
from .stock_solvers import SAMPLERS, known_sampler, known_scheduler, partial_sigmas


def _prompts() -> list[io.Conditioning.Input]:
    return [
        io.Conditioning.Input("positive", tooltip="What to show."),
        io.Conditioning.Input("negative", tooltip="What to avoid."),
    ]


def _run() -> list[io.Input]:
    return [
        io.Sampler.Input("sampler", tooltip="How to step through the noise levels."),
        io.Sigmas.Input("sigmas", tooltip="The noise levels to step through."),
        io.Latent.Input("latent_image", tooltip="The latent to start from, which may be empty."),
    ]


def _results() -> list[io.Output]:
    return [
        io.Latent.Output(display_name="output", tooltip="The latent after the last step."),
        io.Latent.Output(display_name="denoised_output", tooltip="The last step's prediction."),
    ]


class RandomNoise(io.ComfyNode):
    """Creates NOISE from a seed."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """As in ComfyUI."""
        return io.Schema(
            node_id="RandomNoise",
            display_name="RandomNoise",
            category="sampling/custom_sampling/noise",
            inputs=[seed_input("noise_seed")],
            outputs=[io.Noise.Output()],
        )

    @classmethod
    def execute(cls, noise_seed: int) -> io.NodeOutput:
        """Keep the seed; the noise is drawn when a latent is known."""
        return io.NodeOutput(BatchNoise(noise_seed))


class DisableNoise(io.ComfyNode):
    """Creates NOISE that is zero everywhere."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """As in ComfyUI."""
        return io.Schema(
            node_id="DisableNoise",
            display_name="DisableNoise",
            category="sampling/custom_sampling/noise",
            outputs=[io.Noise.Output()],
        )

    @classmethod
    def execute(cls) -> io.NodeOutput:
        """Return NOISE of zeros."""
        return io.NodeOutput(NoNoise())


class KSamplerSelect(io.ComfyNode):
    """Selects a solver by name."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """As in ComfyUI; the list holds the solvers that give ComfyUI's results."""
        return io.Schema(
            node_id="KSamplerSelect",
            display_name="KSamplerSelect",
            category="sampling/custom_sampling/samplers",
            inputs=[
                io.Combo.Input(
                    "sampler_name",
                    options=list(SAMPLERS),
                    tooltip="How to step through the noise levels.",
                )
            ],
            outputs=[io.Sampler.Output()],
        )

    @classmethod
    def validate_inputs(cls, sampler_name: str | None) -> bool | str:
        """Check that this host has the solver; if not, say what to do."""
        return known_sampler(sampler_name)

    @classmethod
    def execute(cls, sampler_name: str) -> io.NodeOutput:
        """Wrap the solver."""
        return io.NodeOutput(host().sampling.make_sampler(SAMPLERS[sampler_name], {}))


class BasicScheduler(io.ComfyNode):
    """Builds SIGMAS from a model's own noise levels."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """As in ComfyUI; the list holds the schedulers that give ComfyUI's results."""
        return io.Schema(
            node_id="BasicScheduler",
            display_name="BasicScheduler",
            category="sampling/custom_sampling/schedulers",
            inputs=[
                io.Model.Input("model", tooltip="The model whose noise levels are used."),
                io.Combo.Input("scheduler", options=list(SCHEDULERS), tooltip="How to space them."),
                io.Int.Input("steps", default=20, min=1, max=10000, tooltip="Sampling steps."),
                io.Float.Input(
                    "denoise",
                    default=1.0,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="Below 1, the given latent is changed only by this much.",
                ),
            ],
            outputs=[io.Sigmas.Output()],
        )

    @classmethod
    def validate_inputs(cls, scheduler: str | None) -> bool | str:
        """Check that this host has the scheduler; if not, say what to do."""
        return known_scheduler(scheduler)

    @classmethod
    def execute(
        cls, model: Model, scheduler: str, steps: int, denoise: float = 1.0
    ) -> io.NodeOutput:
        """Return the schedule; with ``denoise`` below 1, the end of a longer one."""
        return io.NodeOutput(partial_sigmas(SCHEDULERS[scheduler], steps, model.shift, denoise))


class SplitSigmas(io.ComfyNode):
    """Splits SIGMAS into two parts that share the level at the split."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """As in ComfyUI."""
        return io.Schema(
            node_id="SplitSigmas",
            display_name="SplitSigmas",
            category="sampling/custom_sampling/sigmas",
            inputs=[
                io.Sigmas.Input("sigmas", tooltip="The noise levels of a whole run."),
                io.Int.Input(
                    "step", default=0, min=0, max=10000, tooltip="Steps of the first part."
                ),
            ],
            outputs=[
                io.Sigmas.Output(display_name="high_sigmas", tooltip="The first part."),
                io.Sigmas.Output(display_name="low_sigmas", tooltip="The rest."),
            ],
        )

    @classmethod
    def execute(cls, sigmas: Tensor, step: int) -> io.NodeOutput:
        """Split after a step."""
        return io.NodeOutput(sigmas[: step + 1], sigmas[step:])


class BasicGuider(io.ComfyNode):
    """Builds a GUIDER from a model with one prompt."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """As in ComfyUI."""
        return io.Schema(
            node_id="BasicGuider",
            display_name="BasicGuider",
            category="sampling/custom_sampling/guiders",
            inputs=[
                io.Model.Input("model", tooltip="The diffusion model."),
                io.Conditioning.Input("conditioning", tooltip="What to show."),
            ],
            outputs=[io.Guider.Output()],
        )

    @classmethod
    def execute(cls, model: Model, conditioning: Conditioning) -> io.NodeOutput:
        """Bind the model to the prompt, without guidance or a negative prompt."""
        return io.NodeOutput(host().sampling.make_guider(model, conditioning, [], 1.0))


class CFGGuider(io.ComfyNode):
    """Builds a GUIDER from a model with both prompts and guidance."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """As in ComfyUI."""
        return io.Schema(
            node_id="CFGGuider",
            display_name="CFGGuider",
            category="sampling/custom_sampling/guiders",
            inputs=[
                io.Model.Input("model", tooltip="The diffusion model."),
                *_prompts(),
                cfg_input(),
            ],
            outputs=[io.Guider.Output()],
        )

    @classmethod
    def execute(
        cls, model: Model, positive: Conditioning, negative: Conditioning, cfg: float
    ) -> io.NodeOutput:
        """Bind the model to its prompts."""
        return io.NodeOutput(host().sampling.make_guider(model, positive, negative, cfg))


class SamplerCustom(io.ComfyNode):
    """Samples with a model, prompts, a solver and noise levels."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """As in ComfyUI."""
        return io.Schema(
            node_id="SamplerCustom",
            display_name="SamplerCustom",
            category="sampling/custom_sampling",
            inputs=[
                io.Model.Input("model", tooltip="The diffusion model."),
                io.Boolean.Input("add_noise", default=True, tooltip="Whether to start with noise."),
                seed_input("noise_seed"),
                cfg_input(),
                *_prompts(),
                *_run(),
            ],
            outputs=_results(),
        )

    @classmethod
    def execute(
        cls,
        model: Model,
        add_noise: bool,
        noise_seed: int,
        cfg: float,
        positive: Conditioning,
        negative: Conditioning,
        sampler: Sampler,
        sigmas: Tensor,
        latent_image: Mapping[str, Any],
    ) -> io.NodeOutput:
        """Draw ComfyUI's noise and sample."""
        guider = host().sampling.make_guider(model, positive, negative, cfg)
        noise = BatchNoise(noise_seed) if add_noise else NoNoise()
        return _sampled(guider, noise, sampler, sigmas, latent_image, noise_seed)


class SamplerCustomAdvanced(io.ComfyNode):
    """Samples with noise, a guider, a solver and noise levels."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """As in ComfyUI."""
        return io.Schema(
            node_id="SamplerCustomAdvanced",
            display_name="SamplerCustomAdvanced",
            category="sampling/custom_sampling",
            inputs=[
                io.Noise.Input("noise", tooltip="The noise to start with."),
                io.Guider.Input("guider", tooltip="The model with its prompts."),
                *_run(),
            ],
            outputs=_results(),
        )

    @classmethod
    def execute(
        cls,
        noise: Noise,
        guider: Guider,
        sampler: Sampler,
        sigmas: Tensor,
        latent_image: Mapping[str, Any],
    ) -> io.NodeOutput:
        """Draw the noise and sample."""
        return _sampled(guider, noise, sampler, sigmas, latent_image, noise.seed)


def _sampled(
    guider: Guider,
    noise: Any,
    sampler: Sampler,
    sigmas: Tensor,
    given: Mapping[str, Any],
    seed: int,
) -> io.NodeOutput:
    """Return both results; without noise levels, return the latent unchanged."""
    latent = host().sampling.fit_latent(guider, given)
    if len(sigmas) == 0:
        return io.NodeOutput(latent, latent)
    start, known = noise.generate_noise(latent), said_to_stock_nodes(latent)
    standalone = cast(StandaloneHost, host())
    made = standalone.sampling.sample_and_predict(guider, start, sampler, sigmas, known, seed)
    return io.NodeOutput(*({**latent, "samples": samples} for samples in made))


NODES = [
    RandomNoise,
    DisableNoise,
    KSamplerSelect,
    BasicScheduler,
    SplitSigmas,
    BasicGuider,
    CFGGuider,
    SamplerCustom,
    SamplerCustomAdvanced,
]
