"""Skip-Layer Guidance and Attention Guidance, which act inside the blocks of the network."""

from typing import Any

from ...hosts import host, io
from ...samplers.guidance.nag import AttentionGuidance
from ...samplers.guidance.plan import SkipLayers
from ..helpers.advanced import advanced
from ..helpers.guiders import guider_input, guider_output, with_changes
from ..helpers.number_text import read_numbers
from ..helpers.refusal import refusal
from ..helpers.search import search_words


class SpacetimeSkipLayerGuidance(io.ComfyNode):
    """Guide away from the prediction of a weakened network."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeSkipLayerGuidance",
            display_name="Skip-Layer Guidance (SLG)",
            category="Spacetime/Guidance",
            description="Guides away from the model's prediction without some of its blocks, so "
            "that bodies and motion hold together better. Costs one more evaluation at each step "
            "between the two noise levels.",
            **search_words("slg", "stg", "spatiotemporal skip guidance", "skip layer"),
            inputs=[
                guider_input(),
                io.String.Input(
                    "blocks",
                    default="",
                    placeholder="9 or 9, 10 or 7-9",
                    tooltip="Blocks to skip, counted from 0: 3, or 1, 2, or 7-9. If left empty, "
                    "one block a third of the way in, such as block 10 of Wan's 30.",
                ),
                io.Float.Input(
                    "scale",
                    default=1.0,
                    min=0.0,
                    max=20.0,
                    step=0.1,
                    tooltip="How far to move away from the weakened prediction; 0 does nothing.",
                ),
                io.Float.Input(
                    "low",
                    default=0.2,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    **advanced(),
                    tooltip="Noise level, from 0 to 1, below which it is off.",
                ),
                io.Float.Input(
                    "high",
                    default=0.9,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    **advanced(),
                    tooltip="Noise level, from 0 to 1, above which it is off; 1 starts at the "
                    "first step.",
                ),
            ],
            outputs=[guider_output()],
        )

    @classmethod
    def validate_inputs(cls, blocks: str | None, low: float | None, high: float | None) -> Any:
        """Reject unreadable blocks and reversed noise levels before the graph runs."""
        readable = refusal(read_numbers, blocks)
        if readable is not True:
            return readable
        return refusal(lambda low, high: SkipLayers(blocks=(0,), low=low, high=high), low, high)

    @classmethod
    def execute(
        cls, guider: Any, blocks: str, scale: float, low: float, high: float
    ) -> io.NodeOutput:
        """Resolve the blocks for this network and set the rule."""
        found = blocks_to_skip(blocks, host().sampling.about(guider).blocks)
        skip = SkipLayers(blocks=found, scale=scale, low=low, high=high)
        return io.NodeOutput(with_changes(guider, skip=skip))


def blocks_to_skip(text: str, count: int) -> tuple[int, ...]:
    """Parse the blocks to skip of a network with ``count`` blocks.

    If the text names none, skip the block a third of the way in.

    Raises:
        ValueError: the text cannot be read, or the network lacks these blocks.
    """
    if count == 0:
        raise ValueError(
            "this model has no blocks that can be skipped: use Skip-Layer Guidance with a video "
            "transformer, such as one from Load Models"
        )
    blocks = read_numbers(text) or (count // 3,)
    missing = [str(block) for block in blocks if block >= count]
    if missing:
        raise ValueError(
            f"no block {', '.join(missing)} in this model, which has blocks 0 to {count - 1}: "
            f"leave blocks empty to skip block {count // 3}"
        )
    return blocks


class SpacetimeAttentionGuidance(io.ComfyNode):
    """Apply a negative prompt at guidance 1."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeAttentionGuidance",
            display_name="NAG (Normalized Attention Guidance)",
            category="Spacetime/Guidance",
            description="Makes the negative prompt work in few-step models, which are sampled at "
            "guidance 1 and otherwise ignore it. It acts inside the attention to the prompt and "
            "costs far less than a second evaluation.",
            **search_words("nag", "negative prompt", "few-step negative", "wan nag"),
            inputs=[
                guider_input(),
                io.Float.Input(
                    "scale",
                    default=5.0,
                    min=1.0,
                    max=50.0,
                    step=0.1,
                    tooltip="How far to move away from the negative prompt: 5 to 11 is usual, 1 "
                    "does nothing.",
                ),
                io.Float.Input(
                    "limit",
                    default=2.5,
                    min=0.1,
                    max=20.0,
                    step=0.1,
                    **advanced(),
                    tooltip="Largest factor by which the attention of a position may grow; lower "
                    "is safer.",
                ),
                io.Float.Input(
                    "blend",
                    default=0.25,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    **advanced(),
                    tooltip="Share of the guided result to blend in; 0 does nothing.",
                ),
            ],
            outputs=[guider_output()],
        )

    @classmethod
    def execute(cls, guider: Any, scale: float, limit: float, blend: float) -> io.NodeOutput:
        """Set the strength of the negative prompt inside the attention."""
        attention = AttentionGuidance(scale=scale, limit=limit, blend=blend)
        return io.NodeOutput(with_changes(guider, attention=attention))


NODES: list[type[Any]] = [SpacetimeSkipLayerGuidance, SpacetimeAttentionGuidance]
