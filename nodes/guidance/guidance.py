"""Nodes that change the scale of guidance, over noise levels, steps and frames, and rescale it."""

from typing import Any

from ...hosts import io
from ...samplers.guidance.plan import GuidancePlan
from ..helpers.advanced import advanced
from ..helpers.guiders import guider_input, guider_output, with_changes
from ..helpers.refusal import refusal
from ..helpers.search import search_words


class SpacetimeGuidanceInterval(io.ComfyNode):
    """Guide at some noise levels only."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeGuidanceInterval",
            display_name="Guidance Interval",
            category="Spacetime/Guidance",
            description="Guides between two noise levels only. At the others the negative prompt "
            "is not evaluated, which saves half of the time there.",
            **search_words("limited interval", "cfg interval", "skip cfg", "cfg zero steps"),
            inputs=[
                guider_input(),
                io.Float.Input(
                    "low",
                    default=0.2,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="Noise level under which guidance ends: the last steps, where only "
                    "fine detail is left to decide. 0 guides to the end.",
                ),
                io.Float.Input(
                    "high",
                    default=1.0,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="Noise level from which guidance begins; 1 is pure noise and guides "
                    "from the first step. 0.9 to 0.95 gives more variety between seeds, and "
                    "follows the prompt a little less.",
                ),
            ],
            outputs=[guider_output()],
        )

    @classmethod
    def validate_inputs(cls, low: float | None, high: float | None) -> Any:
        """Refuse levels that are none, or the wrong way round, before the graph runs."""
        return refusal(lambda low, high: GuidancePlan(low=low, high=high), low, high)

    @classmethod
    def execute(cls, guider: Any, low: float, high: float) -> io.NodeOutput:
        """Keep guidance between the levels."""
        return io.NodeOutput(with_changes(guider, low=low, high=high))


class SpacetimeGuidanceOverSteps(io.ComfyNode):
    """Let guidance grow or fade from step to step."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeGuidanceOverSteps",
            display_name="Guidance over Steps",
            category="Spacetime/Guidance",
            description="Changes guidance evenly from the guider's own at the first step to "
            "another value at the last.",
            **search_words("cfg schedule", "dynamic cfg", "cfg ramp", "guidance schedule"),
            inputs=[
                guider_input(),
                io.Float.Input(
                    "last",
                    default=1.0,
                    min=0.0,
                    max=100.0,
                    step=0.1,
                    tooltip="Guidance at the last step; the first has that of Denoiser. A "
                    "lower one burns colours less, and layout and motion, which the first steps "
                    "decide, still follow the prompt.",
                ),
            ],
            outputs=[guider_output()],
        )

    @classmethod
    def execute(cls, guider: Any, last: float) -> io.NodeOutput:
        """Set the last step's scale."""
        return io.NodeOutput(with_changes(guider, last_scale=last))


class SpacetimeGuidanceOverFrames(io.ComfyNode):
    """Let guidance grow from frame to frame."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeGuidanceOverFrames",
            display_name="Guidance over Frames",
            category="Spacetime/Guidance",
            description="Raises guidance evenly from a lower value in the first frame to the "
            "guider's own in the last, as Stable Video Diffusion does. Frames near a given one "
            "need less.",
            **search_words("video linear cfg", "linear cfg guidance", "svd guidance", "min cfg"),
            inputs=[
                guider_input(),
                io.Float.Input(
                    "first",
                    default=1.0,
                    min=0.0,
                    max=100.0,
                    step=0.1,
                    tooltip="Guidance in the first frame; the last frame has that of Denoiser.",
                ),
                io.Boolean.Input(
                    "both_ends",
                    default=False,
                    **advanced(),
                    tooltip="The last frame gets the first one's guidance too, and the middle that "
                    "of Denoiser: for clips whose last frame is given as well.",
                ),
            ],
            outputs=[guider_output()],
        )

    @classmethod
    def execute(cls, guider: Any, first: float, both_ends: bool) -> io.NodeOutput:
        """Set the first frame's scale."""
        return io.NodeOutput(with_changes(guider, first_frame_scale=first, both_ends=both_ends))


class SpacetimeGuidanceRescale(io.ComfyNode):
    """Take out the extra contrast of guidance."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeGuidanceRescale",
            display_name="Guidance Rescale",
            category="Spacetime/Guidance",
            description="Brings the contrast of the guided prediction back to that of the "
            "unguided one, against burnt colours at high guidance.",
            **search_words("rescale cfg", "cfg rescale", "overexposure", "saturation"),
            inputs=[
                guider_input(),
                io.Float.Input(
                    "strength",
                    default=0.7,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="Share of the extra contrast that is taken out: 0.7 is usual, 0 does "
                    "nothing, 1 tends to look flat.",
                ),
            ],
            outputs=[guider_output()],
        )

    @classmethod
    def execute(cls, guider: Any, strength: float) -> io.NodeOutput:
        """Set the strength."""
        return io.NodeOutput(with_changes(guider, rescale=strength))


NODES: list[type[Any]] = [
    SpacetimeGuidanceInterval,
    SpacetimeGuidanceOverSteps,
    SpacetimeGuidanceOverFrames,
    SpacetimeGuidanceRescale,
]
