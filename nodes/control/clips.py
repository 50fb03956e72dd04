"""Append Prompts: prompts and pictures of packed clips, one clip after the other."""

from typing import Any

from ...hosts import host, io
from ...hosts.control import appended
from ..helpers.search import search_words


class SpacetimeAppendConditioning(io.ComfyNode):
    """Put the conditioning of a further packed clip behind others."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeAppendConditioning",
            display_name="Append Prompts",
            category="Spacetime/Control",
            description="Gives packed clips (Patchify, Sample Patches) a prompt and ControlNet "
            "pictures each: the prompts of the next clip go behind those of the clips before it, "
            "in the order in which Patchify packs them. Several can follow each other.",
            **search_words("conditioning per clip", "batch conditioning", "controlnet per clip"),
            inputs=[
                io.Conditioning.Input("positive", tooltip="Of the first clips."),
                io.Conditioning.Input("negative", tooltip="Of the first clips."),
                io.Conditioning.Input("next_positive", tooltip="Of the clip behind them."),
                io.Conditioning.Input("next_negative", tooltip="Of the clip behind them."),
            ],
            outputs=[
                io.Conditioning.Output(
                    display_name="positive", tooltip="Of all clips, for Denoiser."
                ),
                io.Conditioning.Output(
                    display_name="negative", tooltip="Of all clips, for Denoiser."
                ),
            ],
        )

    @classmethod
    def execute(
        cls, positive: Any, negative: Any, next_positive: Any, next_negative: Any
    ) -> io.NodeOutput:
        """Append the prompts, and join what they follow."""
        sides = [positive, negative], [next_positive, next_negative]
        return io.NodeOutput(*appended(*sides, host().models.joined))


NODES: list[type[Any]] = [SpacetimeAppendConditioning]
