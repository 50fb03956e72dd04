"""Projected Guidance and CFG-Zero*: other rules to combine the two predictions of guidance."""

from dataclasses import replace
from typing import Any

from ...hosts import host, io
from ...samplers.guidance.plan import GuidancePlan, Projection, ZeroStar
from ..helpers.advanced import advanced
from ..helpers.guiders import guider_input, guider_output
from ..helpers.search import search_words

NAMES = {Projection: "Projected Guidance", ZeroStar: "CFG-Zero*"}


def with_rule(guider: Any, rule: Projection | ZeroStar) -> Any:
    """GUIDER that combines its predictions by a rule.

    Raises:
        ValueError: it has the other rule, which would go unnoticed otherwise.
    """

    def change(plan: GuidancePlan) -> GuidancePlan:
        if plan.rule is not None and type(plan.rule) is not type(rule):
            raise ValueError(
                f"{NAMES[type(rule)]} after {NAMES[type(plan.rule)]}: they take each other's "
                "place, so remove one of the two nodes"
            )
        return replace(plan, rule=rule)

    return host().sampling.with_plan(guider, change)


class SpacetimeProjectedGuidance(io.ComfyNode):
    """Guide without the part that saturates."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeProjectedGuidance",
            display_name="Projected Guidance (APG)",
            category="Spacetime/Guidance",
            description="Guides without the part of the change that only makes the picture more "
            "saturated, so that high guidance stays natural. It takes the place of plain "
            "guidance, and cannot be combined with CFG-Zero*.",
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
                    tooltip="Share of the saturating part that is kept; 1, with the other two at "
                    "0, is plain guidance.",
                ),
                io.Float.Input(
                    "momentum",
                    default=0.0,
                    min=-0.95,
                    max=0.95,
                    step=0.05,
                    tooltip="How much of the last step's change is added; below 0 it holds back "
                    "what all steps have in common. The paper uses -0.5; 0 is none.",
                ),
                io.Float.Input(
                    "threshold",
                    default=0.0,
                    min=0.0,
                    max=100.0,
                    step=0.01,
                    tooltip="Largest change of a frame, as its root mean square: larger ones are "
                    "scaled down. 0.2 is a moderate limit, 0 none.",
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
    """Guide from a fitted negative prediction."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeCFGZeroStar",
            display_name="CFG-Zero*",
            category="Spacetime/Guidance",
            description="Scales the negative prediction to fit the positive one before guiding, "
            "and waits over the first steps. For flow models that are not distilled. It takes "
            "the place of plain guidance, and cannot be combined with Projected Guidance.",
            **search_words("cfg zero star", "cfg zero", "zero init", "optimized scale"),
            inputs=[
                guider_input(),
                io.Int.Input(
                    "waiting_steps",
                    default=1,
                    min=0,
                    max=1000,
                    tooltip="First steps that leave the noise as it is, without evaluating the "
                    "model: 1, or 4 % of the steps. 0 for models that are sampled in few steps.",
                ),
            ],
            outputs=[guider_output()],
        )

    @classmethod
    def execute(cls, guider: Any, waiting_steps: int) -> io.NodeOutput:
        """Set the rule."""
        return io.NodeOutput(with_rule(guider, ZeroStar(waiting_steps=waiting_steps)))


NODES: list[type[Any]] = [SpacetimeProjectedGuidance, SpacetimeCFGZeroStar]
