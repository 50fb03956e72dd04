"""Guidance Interval, over Steps, over Frames and Rescale: nodes that vary the guidance scale."""

from typing import Any

from ...hosts import io
from ...samplers.guidance.plan import GuidancePlan
from ..helpers.advanced import advanced
from ..helpers.guiders import guider_input, guider_output, with_changes
from ..helpers.refusal import refusal
from ..helpers.search import search_words


class SpacetimeGuidanceInterval(io.ComfyNode):
    """Apply guidance only between two noise levels."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeGuidanceInterval",
            display_name="Guidance Interval",
            category="Spacetime/Guidance",
            description="Applies guidance only between two noise levels. Outside them the "
            "negative prompt is not evaluated, which halves the time of those steps.",
            **search_words("limited interval", "cfg interval", "skip cfg", "cfg zero steps"),
            inputs=[
                guider_input(),
                io.Float.Input(
                    "low",
                    default=0.2,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="Guidance is off below this noise level: in the last steps, where "
                    "only fine detail is left to decide. 0 guides to the end.",
                ),
                io.Float.Input(
                    "high",
                    default=1.0,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="Guidance is off above this noise level; 1 is pure noise and guides "
                    "from the first step. 0.9 to 0.95 gives more variety between seeds and "
                    "follows the prompt a little less.",
                ),
            ],
            outputs=[guider_output()],
        )

    @classmethod
    def validate_inputs(cls, low: float | None, high: float | None) -> Any:
        """Reject invalid or reversed noise levels before the graph runs."""
        return refusal(lambda low, high: GuidancePlan(low=low, high=high), low, high)

    @classmethod
    def execute(cls, guider: Any, low: float, high: float) -> io.NodeOutput:
        """Restrict guidance to the interval."""
        return io.NodeOutput(with_changes(guider, low=low, high=high))


class SpacetimeGuidanceOverSteps(io.ComfyNode):
    """Change guidance from step to step."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeGuidanceOverSteps",
            display_name="Guidance over Steps",
            category="Spacetime/Guidance",
            description="Changes guidance linearly, from the guider's own value at the first "
            "step to another value at the last.",
            **search_words("cfg schedule", "dynamic cfg", "cfg ramp", "guidance schedule"),
            inputs=[
                guider_input(),
                io.Float.Input(
                    "last",
                    default=1.0,
                    min=0.0,
                    max=100.0,
                    step=0.1,
                    tooltip="Guidance at the last step; the first step uses Denoiser's value. A "
                    "lower value keeps colours from burning, while layout and motion, which the "
                    "first steps decide, still follow the prompt.",
                ),
            ],
            outputs=[guider_output()],
        )

    @classmethod
    def execute(cls, guider: Any, last: float) -> io.NodeOutput:
        """Set the guidance scale of the last step."""
        return io.NodeOutput(with_changes(guider, last_scale=last))


class SpacetimeGuidanceOverFrames(io.ComfyNode):
    """Raise guidance from frame to frame."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeGuidanceOverFrames",
            display_name="Guidance over Frames",
            category="Spacetime/Guidance",
            description="Raises guidance linearly, from a lower value in the first frame to the "
            "guider's own value in the last, as Stable Video Diffusion does. Frames near a given "
            "frame need less guidance.",
            **search_words("video linear cfg", "linear cfg guidance", "svd guidance", "min cfg"),
            inputs=[
                guider_input(),
                io.Float.Input(
                    "first",
                    default=1.0,
                    min=0.0,
                    max=100.0,
                    step=0.1,
                    tooltip="Guidance in the first frame; the last frame uses Denoiser's value.",
                ),
                io.Boolean.Input(
                    "both_ends",
                    default=False,
                    **advanced(),
                    tooltip="Use the first frame's guidance in the last frame too, and "
                    "Denoiser's value in the middle: for clips whose last frame is also given.",
                ),
            ],
            outputs=[guider_output()],
        )

    @classmethod
    def execute(cls, guider: Any, first: float, both_ends: bool) -> io.NodeOutput:
        """Set the guidance scale of the first frame."""
        return io.NodeOutput(with_changes(guider, first_frame_scale=first, both_ends=both_ends))


class SpacetimeGuidanceRescale(io.ComfyNode):
    """Remove the extra contrast that guidance adds."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeGuidanceRescale",
            display_name="Guidance Rescale",
            category="Spacetime/Guidance",
            description="Brings the contrast of the guided prediction back to that of the "
            "unguided one, to prevent burnt colours at high guidance.",
            **search_words("rescale cfg", "cfg rescale", "overexposure", "saturation"),
            inputs=[
                guider_input(),
                io.Float.Input(
                    "strength",
                    default=0.7,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="Share of the extra contrast to remove: 0.7 is usual, 0 does "
                    "nothing, 1 tends to look flat.",
                ),
            ],
            outputs=[guider_output()],
        )

    @classmethod
    def execute(cls, guider: Any, strength: float) -> io.NodeOutput:
        """Set the rescale strength."""
        return io.NodeOutput(with_changes(guider, rescale=strength))


NODES: list[type[Any]] = [
    SpacetimeGuidanceInterval,
    SpacetimeGuidanceOverSteps,
    SpacetimeGuidanceOverFrames,
    SpacetimeGuidanceRescale,
]
