"""Projected Guidance and CFG-Zero*: other rules for combining the predictions of guidance."""

from dataclasses import replace
from typing import Any

from ...hosts import host, io
from ...samplers.guidance.plan import GuidancePlan, Projection, ZeroStar
from ..helpers.advanced import advanced
from ..helpers.guiders import guider_input, guider_output
from ..helpers.search import search_words

NAMES = {Projection: "Projected Guidance", ZeroStar: "CFG-Zero*"}


def with_rule(guider: Any, rule: Projection | ZeroStar) -> Any:
    """Return a GUIDER that combines its predictions by ``rule``.

    Raises:
        ValueError: it already has the other rule, which would otherwise be replaced silently.
    """

    def change(plan: GuidancePlan) -> GuidancePlan:
        if plan.rule is not None and type(plan.rule) is not type(rule):
            raise ValueError(
                f"{NAMES[type(rule)]} after {NAMES[type(plan.rule)]}: the two rules cannot be "
                "combined, so remove one of the two nodes"
            )
        return replace(plan, rule=rule)

    return host().sampling.with_plan(guider, change)


class SpacetimeProjectedGuidance(io.ComfyNode):
    """Guide without the component that oversaturates."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeProjectedGuidance",
            display_name="Projected Guidance (APG)",
            category="Spacetime/Guidance",
            description="Leaves out the part of guidance that only makes the image more "
            "saturated, so that high guidance keeps natural colours. It replaces plain guidance "
            "and cannot be combined with CFG-Zero*.",
            **search_words("adaptive projected guidance", "apg", "saturation", "oversaturation"),
            inputs=[
                guider_input(),
                io.Float.Input(
                    "parallel",
                    default=0.0,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    **advanced(),
                    tooltip="Share of the saturating part to keep; 1, with the other two inputs "
                    "at 0, is plain guidance.",
                ),
                io.Float.Input(
                    "momentum",
                    default=0.0,
                    min=-0.95,
                    max=0.95,
                    step=0.05,
                    tooltip="How much of the previous step's change to add. Negative values hold "
                    "back what all steps have in common: the paper uses -0.5. 0 is off.",
                ),
                io.Float.Input(
                    "threshold",
                    default=0.0,
                    min=0.0,
                    max=100.0,
                    step=0.01,
                    tooltip="Largest change allowed per frame, as its root mean square; larger "
                    "changes are scaled down. 0.2 is a moderate limit; 0 sets no limit.",
                ),
            ],
            outputs=[guider_output()],
        )

    @classmethod
    def execute(
        cls, guider: Any, parallel: float, momentum: float, threshold: float
    ) -> io.NodeOutput:
        """Set the rule."""
        rule = Projection(parallel=parallel, momentum=momentum, threshold=threshold)
        return io.NodeOutput(with_rule(guider, rule))


class SpacetimeCFGZeroStar(io.ComfyNode):
    """Guide with a negative prediction fitted to the positive one."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeCFGZeroStar",
            display_name="CFG-Zero*",
            category="Spacetime/Guidance",
            description="Scales the negative prediction to fit the positive one before guiding, "
            "and leaves the noise unchanged over the first steps. For flow models that are not "
            "distilled. It replaces plain guidance and cannot be combined with Projected "
            "Guidance.",
            **search_words("cfg zero star", "cfg zero", "zero init", "optimized scale"),
            inputs=[
                guider_input(),
                io.Int.Input(
                    "waiting_steps",
                    default=1,
                    min=0,
                    max=1000,
                    tooltip="Number of first steps that leave the noise unchanged, without "
                    "evaluating the model: usually 1, or 4 % of the steps. Use 0 for models that "
                    "are sampled in few steps.",
                ),
            ],
            outputs=[guider_output()],
        )

    @classmethod
    def execute(cls, guider: Any, waiting_steps: int) -> io.NodeOutput:
        """Set the rule."""
        return io.NodeOutput(with_rule(guider, ZeroStar(waiting_steps=waiting_steps)))


NODES: list[type[Any]] = [SpacetimeProjectedGuidance, SpacetimeCFGZeroStar]
