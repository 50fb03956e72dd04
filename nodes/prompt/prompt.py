"""Encode Prompt and Prompts per Clip: encode text to conditioning."""

from typing import Any

from ...hosts import host, io
from ...hosts.keys import CLIP_TEXTS_KEY, PROMPT_KEY
from ..helpers.search import search_words


class SpacetimeEncodePrompt(io.ComfyNode):
    """Encode a prompt to conditioning."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeEncodePrompt",
            display_name="Encode Prompt",
            category="Spacetime/Prompt",
            description="Encodes a prompt to conditioning. Leave the text empty for the "
            "unconditional side of guidance.",
            **search_words("clip text encode", "text to conditioning", "positive", "negative"),
            inputs=[
                io.Clip.Input("clip", tooltip="The text encoder, from Load Models."),
                io.String.Input(
                    "text",
                    multiline=True,
                    default="a red sphere moves left at day",
                    tooltip="What the video shows. The tiny model knows the toy world: objects, "
                    "their colours, motions and places. (words:1.3) have more weight, (words:0.7) "
                    "less.",
                ),
            ],
            outputs=[
                io.Conditioning.Output(
                    display_name="CONDITIONING", tooltip="The encoded prompt, for Denoiser."
                )
            ],
        )

    @classmethod
    def execute(cls, clip: Any, text: str) -> io.NodeOutput:
        """Encode the text."""
        return io.NodeOutput(host().models.encode_prompt(clip, text))


class SpacetimePromptsPerClip(io.ComfyNode):
    """Give each of several clips its own prompt."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimePromptsPerClip",
            display_name="Prompts per Clip",
            category="Spacetime/Prompt",
            description="Encodes one prompt per line. Packed clips (Patchify, Sample Patches) and "
            "the clips of a list (Branch, Converge) each follow their own prompt: the first line "
            "belongs to the first clip.",
            **search_words("prompt list", "several prompts", "prompt schedule", "packed clips"),
            inputs=[
                io.Clip.Input("clip", tooltip="The text encoder, from Load Models."),
                io.String.Input(
                    "text",
                    multiline=True,
                    default="a red sphere moves left at day\na blue cube falls at night",
                    tooltip="One prompt per line, in the order of the clips. Empty lines are "
                    "skipped.",
                ),
            ],
            outputs=[
                io.Conditioning.Output(
                    display_name="CONDITIONING",
                    tooltip="For Denoiser; its guider then samples as many clips as there are "
                    "lines.",
                )
            ],
        )

    @classmethod
    def execute(cls, clip: Any, text: str) -> io.NodeOutput:
        """Encode the lines and collect them."""
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        if not lines:
            raise ValueError("no prompt: write one per line, or use Encode Prompt for all clips")
        encoded = [host().models.encode_prompt(clip, line) for line in lines]
        contexts = [context for ((context, _),) in encoded]
        ((first, options),) = encoded[0]
        told = {**options, PROMPT_KEY: "\n".join(lines), CLIP_TEXTS_KEY: contexts}
        return io.NodeOutput([[first, told]])


NODES: list[type[Any]] = [SpacetimeEncodePrompt, SpacetimePromptsPerClip]
