"""Encode Prompt and Prompts per Clip: text to conditioning."""

from typing import Any

from ...hosts import host
from ...hosts.interface import CLIP_TEXTS_KEY, PROMPT_KEY, Conditioning
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
                    "their colours, motions and places. (words:1.3) count more, (words:0.7) less.",
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
        return io.NodeOutput(host().models.encode_prompt(clip, text))


class SpacetimePromptsPerClip(io.ComfyNode):
    """Give each packed clip a prompt of its own."""

    @classmethod
    def define_schema(cls) -> Any:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimePromptsPerClip",
            display_name="Prompts per Clip",
            category="Spacetime/Prompt",
            description="Makes one conditioning of a list of prompts, in which every clip of a "
            "packed sequence follows a prompt of its own.",
            **search_words("conditioning list", "prompt list", "several prompts", "packed clips"),
            is_input_list=True,
            inputs=[
                io.Conditioning.Input(
                    "conditioning",
                    tooltip="A list of prompts in the order of the clips that Patchify packs: "
                    "Encode Prompt with a list of texts.",
                )
            ],
            outputs=[
                io.Conditioning.Output(
                    display_name="conditioning",
                    tooltip="For Denoiser; its guider then samples as many packed clips.",
                )
            ],
        )

    @classmethod
    def execute(cls, conditioning: list[Conditioning]) -> Any:
        """Gather the prompts."""
        for prompt in conditioning:
            if len(prompt) != 1:
                raise ValueError(
                    f"a prompt of {len(prompt)} parts: combined and regional prompts cannot "
                    "belong to one packed clip; give each clip one Encode Prompt"
                )
        contexts = [context for ((context, _),) in conditioning]
        told = [options.get(PROMPT_KEY) for ((_, options),) in conditioning]
        ((first, options),) = conditioning[0]
        text = None if None in told else "\n".join(told)
        return io.NodeOutput([[first, {**options, PROMPT_KEY: text, CLIP_TEXTS_KEY: contexts}]])


NODES: list[type[Any]] = [SpacetimeEncodePrompt, SpacetimePromptsPerClip]
