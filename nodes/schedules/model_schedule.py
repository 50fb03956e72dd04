"""Model Schedule: the noise levels that a model was trained on, whatever its type."""

from typing import Any

from ...hosts import host, io
from ...samplers.schedules.model_levels import AUTO, MODEL_SPACINGS, model_sigmas
from ..helpers.refusal import refusal
from ..helpers.schedule_sockets import CATEGORY, sigmas_output, steps_input, strength_input
from ..helpers.search import search_words


class SpacetimeModelSchedule(io.ComfyNode):
    """Space a model's own noise levels."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeModelSchedule",
            display_name="Model Schedule",
            category=CATEGORY,
            description="The noise levels of the connected model, in its own units: for Wan and "
            "other flow models by their shift, for Stable Diffusion and AnimateDiff by their "
            "timesteps, for Stable Video Diffusion over its range.",
            **search_words(
                "basic scheduler", "svd", "animatediff", "karras", "denoise", "ddim uniform"
            ),
            inputs=[
                io.Model.Input(
                    "model", tooltip="The model to sample with, from Load Models or any loader."
                ),
                steps_input(30, "Steps from noise to video: more is finer and slower."),
                io.Combo.Input(
                    "spacing",
                    options=list(MODEL_SPACINGS),
                    default=AUTO,
                    tooltip="auto suits the model: trailing, or karras for SVD. trailing: even "
                    "steps from the noisiest timestep down. leading: as published for Stable "
                    "Diffusion 1 and 2. karras and exponential: more steps at the clean end, not "
                    "for flow models. beta: more at both ends. linear-quadratic: Mochi and "
                    "LTX-Video. lcm: for models and LoRAs distilled by latent consistency.",
                ),
                strength_input(),
            ],
            outputs=[sigmas_output()],
        )

    @classmethod
    def validate_inputs(cls, spacing: str | None) -> Any:
        """Reject an unknown spacing before the graph runs."""
        return refusal(_check_spacing, spacing)

    @classmethod
    def execute(cls, model: Any, steps: int, spacing: str, strength: float) -> io.NodeOutput:
        """Space the model's levels."""
        levels = host().models.noise_levels(model)
        return io.NodeOutput(model_sigmas(levels, spacing, steps, strength=strength))


def _check_spacing(spacing: str) -> None:
    if spacing not in MODEL_SPACINGS:
        raise ValueError(f"unknown spacing {spacing!r}: choose one of {', '.join(MODEL_SPACINGS)}")


NODES: list[type[Any]] = [SpacetimeModelSchedule]
