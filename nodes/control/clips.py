"""Append Prompts: join the prompts and control images of packed clips."""

from typing import Any

from ...hosts import host, io
from ...hosts.control import appended
from ..helpers.search import search_words


class SpacetimeAppendConditioning(io.ComfyNode):
    """Append the conditioning of another packed clip."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeAppendConditioning",
            display_name="Append Prompts",
            category="Spacetime/Control",
            description="Gives each packed clip (Patchify, Sample Patches) its own prompt and "
            "control images: appends the prompts of the next clip to those before it, in the "
            "order in which Patchify packs the clips. Chain several of these nodes for more "
            "clips.",
            **search_words("conditioning per clip", "batch conditioning", "controlnet per clip"),
            inputs=[
                io.Conditioning.Input("positive", tooltip="Prompts of the clips so far."),
                io.Conditioning.Input("negative", tooltip="Negative prompts of the clips so far."),
                io.Conditioning.Input("next_positive", tooltip="Prompt of the next clip."),
                io.Conditioning.Input("next_negative", tooltip="Negative prompt of the next clip."),
            ],
            outputs=[
                io.Conditioning.Output(
                    display_name="positive", tooltip="Prompts of all clips, for Denoiser."
                ),
                io.Conditioning.Output(
                    display_name="negative", tooltip="Negative prompts of all clips, for Denoiser."
                ),
            ],
        )

    @classmethod
    def execute(
        cls, positive: Any, negative: Any, next_positive: Any, next_negative: Any
    ) -> io.NodeOutput:
        """Append the prompts and join their control images."""
        sides = [positive, negative], [next_positive, next_negative]
        return io.NodeOutput(*appended(*sides, host().models.joined))


NODES: list[type[Any]] = [SpacetimeAppendConditioning]
