"""Few-Step and LCM Schedule: noise levels for models distilled for few steps."""

from typing import Any

from torch import Tensor

from ...hosts import io
from ...samplers.schedules.few_step import (
    TRAIN_STEPS,
    few_step_grids,
    lcm_flow_sigmas,
)
from ..helpers.refusal import refusal
from ..helpers.schedule_sockets import (
    CATEGORY,
    shift_input,
    sigmas_output,
    steps_input,
    strength_input,
)
from ..helpers.search import search_words

SHIPPED_ORIGINAL_STEPS = 24
"""Original steps of the few-step LoRA that ships with the pack."""


class SpacetimeFewStepSchedule(io.ComfyNode):
    """The noise levels that a distilled model was trained for."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeFewStepSchedule",
            display_name="Few-Step Schedule (Lightning)",
            category=CATEGORY,
            description="The noise levels that a model or a LoRA was distilled for. Other levels "
            "give worse results with it.",
            **search_words("lightning", "lightx2v", "distilled", "rcm", "turbo", "4 steps"),
            inputs=[
                io.Combo.Input(
                    "grid", options=list(few_step_grids()), default="lightning_4",
                    tooltip="lightning_4 and lightning_8: Wan 2.1 and 2.2 with a Lightning or "
                    "lightx2v LoRA for that many steps. ltx_distilled: LTX-Video and LTX-2 "
                    "distilled, 8 steps; ltx_distilled_second_pass: 3 steps for an upscaled "
                    "latent. rcm_1 to rcm_4: Wan and Cosmos distilled by rCM, with the lcm solver.",
                )
            ],
            outputs=[sigmas_output()],
        )  # fmt: skip

    @classmethod
    def validate_inputs(cls, grid: str | None) -> Any:
        """Reject an unknown grid before the graph runs."""
        return refusal(_grid, grid)

    @classmethod
    def execute(cls, grid: str) -> io.NodeOutput:
        """Look the levels up."""
        return io.NodeOutput(_grid(grid))


def _grid(name: str) -> Tensor:
    grids = few_step_grids()
    if name not in grids:
        raise ValueError(f"unknown grid {name!r}: choose one of {', '.join(grids)}")
    return grids[name]


class SpacetimeLCMSchedule(io.ComfyNode):
    """The noise levels of latent consistency sampling."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeLCMSchedule",
            display_name="LCM Schedule",
            category=CATEGORY,
            description="The noise levels of a flow model distilled into a latent consistency "
            "model: evenly spaced picks, starting at pure noise, from the levels it was trained "
            "at. For eps and v models use Model Schedule.",
            **search_words("consistency", "lcm sigmas", "trailing", "few steps", "skipping step"),
            inputs=[
                steps_input(4, "Steps from noise to video: usually 1 to 8."),
                shift_input("The shift that the model was distilled with."),
                io.Int.Input(
                    "original_steps", default=SHIPPED_ORIGINAL_STEPS, min=1, max=TRAIN_STEPS,
                    tooltip="Steps of the distilled solver, from the model's description: 24 for "
                    "the included few-step LoRA, 50 for most others.",
                ),
                strength_input(),
            ],
            outputs=[sigmas_output()],
        )  # fmt: skip

    @classmethod
    def validate_inputs(
        cls, steps: int | None, original_steps: int | None, strength: float | None
    ) -> Any:
        """Reject more steps than the model was trained at before the graph runs."""
        return refusal(_check_lcm, steps, original_steps, strength)

    @classmethod
    def execute(
        cls, steps: int, shift: float, original_steps: int, strength: float
    ) -> io.NodeOutput:
        """Pick the levels."""
        sigmas = lcm_flow_sigmas(
            steps, shift=shift, original_steps=original_steps, strength=strength
        )
        return io.NodeOutput(sigmas)


def _check_lcm(steps: int, original_steps: int, strength: float) -> None:
    lcm_flow_sigmas(steps, original_steps=original_steps, strength=strength)


NODES: list[type[Any]] = [SpacetimeFewStepSchedule, SpacetimeLCMSchedule]
