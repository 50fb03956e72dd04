"""Skip-Layer Guidance and Attention Guidance, which reach into the blocks of the network."""

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
    """Guide away from what a weakened network predicts."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeSkipLayerGuidance",
            display_name="Skip-Layer Guidance (SLG)",
            category="Spacetime/Guidance",
            description="Guides away from what the model predicts without some of its blocks: "
            "bodies and motion hold together better. One more evaluation at each step in between "
            "the two levels.",
            **search_words("slg", "stg", "spatiotemporal skip guidance", "skip layer"),
            inputs=[
                guider_input(),
                io.String.Input(
                    "blocks",
                    default="",
                    placeholder="9 or 9, 10 or 7-9",
                    tooltip="Blocks to leave out, counted from 0: 3, or 1, 2, or 7-9. Left empty, "
                    "one block a third of the way in, which is block 10 of Wan's 30.",
                ),
                io.Float.Input(
                    "scale",
                    default=1.0,
                    min=0.0,
                    max=20.0,
                    step=0.1,
                    tooltip="How far to go away from the weakened prediction; 0 does nothing.",
                ),
                io.Float.Input(
                    "low",
                    default=0.2,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    **advanced(),
                    tooltip="Noise level, from 0 to 1, under which it ends.",
                ),
                io.Float.Input(
                    "high",
                    default=0.9,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    **advanced(),
                    tooltip="Noise level, from 0 to 1, from which it begins; 1 is the first step.",
                ),
            ],
            outputs=[guider_output()],
        )

    @classmethod
    def validate_inputs(cls, blocks: str | None, low: float | None, high: float | None) -> Any:
        """Refuse a text without blocks, and levels the wrong way round, before the graph runs."""
        readable = refusal(read_numbers, blocks)
        if readable is not True:
            return readable
        return refusal(lambda low, high: SkipLayers(blocks=(0,), low=low, high=high), low, high)

    @classmethod
    def execute(
        cls, guider: Any, blocks: str, scale: float, low: float, high: float
    ) -> io.NodeOutput:
        """Find the blocks in the network and set the rule."""
        found = blocks_to_skip(blocks, host().sampling.about(guider).blocks)
        skip = SkipLayers(blocks=found, scale=scale, low=low, high=high)
        return io.NodeOutput(with_changes(guider, skip=skip))


def blocks_to_skip(text: str, count: int) -> tuple[int, ...]:
    """Read the blocks of a network that has ``count``; without any, the one a third of the way in.

    Raises:
        ValueError: the text is none, or the network does not have these blocks.
    """
    if count == 0:
        raise ValueError(
            "this model has no blocks that can be left out: use Skip-Layer Guidance with a video "
            "transformer, such as that of Load Models"
        )
    blocks = read_numbers(text) or (count // 3,)
    missing = [str(block) for block in blocks if block >= count]
    if missing:
        raise ValueError(
            f"no block {', '.join(missing)} in this model, which has blocks 0 to {count - 1}: "
            f"leave the field empty for block {count // 3}"
        )
    return blocks


class SpacetimeAttentionGuidance(io.ComfyNode):
    """A negative prompt where guidance is 1."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeAttentionGuidance",
            display_name="NAG (Normalized Attention Guidance)",
            category="Spacetime/Guidance",
            description="Makes the negative prompt work in few-step models, which are sampled at "
            "guidance 1, where it is not used otherwise. It acts inside the attention to the "
            "prompt and costs far less than a second evaluation.",
            **search_words("nag", "negative prompt", "few-step negative", "wan nag"),
            inputs=[
                guider_input(),
                io.Float.Input(
                    "scale",
                    default=5.0,
                    min=1.0,
                    max=50.0,
                    step=0.1,
                    tooltip="How far to go away from the negative prompt: 5 to 11 are usual, 1 "
                    "does nothing.",
                ),
                io.Float.Input(
                    "limit",
                    default=2.5,
                    min=0.1,
                    max=20.0,
                    step=0.1,
                    **advanced(),
                    tooltip="How many times as strong a place's attention may become; lower is "
                    "safer.",
                ),
                io.Float.Input(
                    "blend",
                    default=0.25,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    **advanced(),
                    tooltip="Share of the guided result; the rest stays as it was. 0 does nothing.",
                ),
            ],
            outputs=[guider_output()],
        )

    @classmethod
    def execute(cls, guider: Any, scale: float, limit: float, blend: float) -> io.NodeOutput:
        """Set the negative prompt's strength inside the attention."""
        attention = AttentionGuidance(scale=scale, limit=limit, blend=blend)
        return io.NodeOutput(with_changes(guider, attention=attention))


NODES: list[type[Any]] = [SpacetimeSkipLayerGuidance, SpacetimeAttentionGuidance]
