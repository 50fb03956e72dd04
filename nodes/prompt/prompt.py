"""Encode Prompt: text to conditioning."""

from typing import Any

from ...hosts import host
from ..helpers.search import search_words

io = host().io


class SpacetimeEncodePrompt(io.ComfyNode):
    """Turn a prompt into conditioning."""

    @classmethod
    def define_schema(cls) -> Any:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeEncodePrompt",
            display_name="Encode Prompt",
            category="Spacetime/Prompt",
            description="Turns a prompt into conditioning. Leave the text empty for the "
            "unconditional side of the guidance.",
            **search_words("clip text encode", "text to conditioning", "positive", "negative"),
            inputs=[
                io.Clip.Input("clip", tooltip="The text encoder, from Load Models."),
                io.String.Input(
                    "text",
                    multiline=True,
                    default="a red sphere moves left at day",
                    tooltip="What the video shows. The tiny model knows the toy world: objects, "
                    "their colours, motions and places.",
                ),
            ],
            outputs=[
                io.Conditioning.Output(
                    display_name="conditioning", tooltip="The encoded prompt, for Denoiser."
                )
            ],
        )

    @classmethod
    def execute(cls, clip: Any, text: str) -> Any:
        """Encode the text."""
        return io.NodeOutput(host().encode_prompt(clip, text))


NODES: list[type[Any]] = [SpacetimeEncodePrompt]
