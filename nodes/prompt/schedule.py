"""Prompt Schedule: use different prompts for parts of a clip's time."""

from typing import Any

from ...hosts import host, io
from ...hosts.keys import SPANS_KEY
from ...hosts.prompt_spans import PromptSpans, Span
from ..helpers.prompt_lines import read_prompt_lines
from ..helpers.refusal import refusal
from ..helpers.search import search_words


class SpacetimePromptSchedule(io.ComfyNode):
    """Change the prompt over a clip's time."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimePromptSchedule",
            display_name="Prompt Schedule (Prompt Travel)",
            category="Spacetime/Prompt",
            description="Encodes prompts with the times at which they begin. Each chunk of Sample "
            "Long Video, and each window of Context Windows, follows the prompt at the middle of "
            "its generated frames.",
            **search_words(
                "prompt per time span",
                "prompt scheduling",
                "batch prompt schedule",
                "fizznodes",
                "timed prompts",
                "prompts over time",
                "multi-prompt",
                "storyboard",
            ),
            inputs=[
                io.Clip.Input("clip", tooltip="The text encoder, from Load Models."),
                io.String.Input(
                    "text",
                    multiline=True,
                    default="0: a red cube moves left at day\n2: a red cube spins at day",
                    tooltip="One prompt per line, after its start time in seconds and a colon: "
                    "4.5: a red cube spins. To count frames, add an f: 72f: a red cube spins. A "
                    "prompt holds until the next one begins.",
                ),
            ],
            outputs=[
                io.Conditioning.Output(
                    display_name="CONDITIONING",
                    tooltip="For Denoiser and Sample Long Video. Stock samplers see only the first "
                    "prompt.",
                )
            ],
        )

    @classmethod
    def validate_inputs(cls, text: str | None) -> Any:
        """Reject lines that cannot be read before the graph runs."""
        return refusal(read_prompt_lines, text)

    @classmethod
    def execute(cls, clip: Any, text: str) -> io.NodeOutput:
        """Encode the prompts and store them with the first one."""
        read = read_prompt_lines(text)
        encoded = [host().models.encode_prompt(clip, line.prompt) for line in read.lines]
        spans = tuple(
            Span(line.start, context, options)
            for line, ((context, options),) in zip(read.lines, encoded, strict=True)
        )
        first = spans[0]
        timed = {**first.options, SPANS_KEY: PromptSpans(spans, read.in_frames)}
        return io.NodeOutput([[first.context, timed]])


NODES: list[type[Any]] = [SpacetimePromptSchedule]
