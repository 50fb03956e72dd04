"""FlowEdit: change a given clip by the difference between two prompts."""

from typing import Any

from ...hosts import host, io
from ...hosts.keys import Conditioning
from ...samplers.flow_edit import SOURCE, flow_edit
from ..helpers.advanced import advanced
from ..helpers.guiders import guider_output
from ..helpers.search import search_words


class SpacetimeFlowEdit(io.ComfyNode):
    """Edit a clip by prompts, without inversion."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeFlowEdit",
            display_name="FlowEdit (Edit by Prompt)",
            category="Spacetime/Timeline",
            description="Changes a given clip by the difference between two prompts and keeps the "
            "rest. Positions and motion stay closer to the original than with SDEdit alone. "
            "Takes twice as long as plain sampling.",
            **search_words("flow edit", "inversion-free", "video to video", "vid2vid", "restyle"),
            inputs=[
                io.Guider.Input(
                    "guider",
                    tooltip="The model with the prompt for the edited clip, from Denoiser. Its "
                    "guidance sets how strong the change is: 1 to 3 for the tiny model, 3 to 6 "
                    "for Wan.",
                ),
                io.Conditioning.Input(
                    "source_positive",
                    tooltip="Describes the given clip, from Encode Prompt. Use the same words as "
                    "in the prompt, except for what should change.",
                ),
                io.Float.Input(
                    "source_guidance",
                    default=1.0,
                    min=0.0,
                    max=100.0,
                    step=0.1,
                    tooltip="How strongly the source prompt is followed. 1 is usual and saves an "
                    "evaluation; higher values remove what it names more strongly.",
                ),
                io.Conditioning.Input(
                    "source_negative",
                    optional=True,
                    tooltip="The source's negative prompt; needed when source_guidance is not 1.",
                ),
                io.Int.Input(
                    "averages",
                    default=1,
                    min=1,
                    max=16,
                    optional=True,
                    **advanced(),
                    tooltip="Noise draws per step, whose changes are averaged: 2 to 4 reduce "
                    "flicker and take that many times as long.",
                ),
                io.Float.Input(
                    "refine",
                    default=0.0,
                    min=0.0,
                    max=1.0,
                    step=0.05,
                    optional=True,
                    **advanced(),
                    tooltip="Share of the last steps that follow the prompt alone: 0.3 sharpens a "
                    "blurred edit and lets more of the clip change.",
                ),
            ],
            outputs=[guider_output()],
        )

    @classmethod
    def execute(
        cls,
        guider: Any,
        source_positive: Conditioning,
        source_guidance: float = 1.0,
        source_negative: Conditioning | None = None,
        averages: int = 1,
        refine: float = 0.0,
    ) -> io.NodeOutput:
        """Add the source prompts to the guider, and the wrapper that uses them."""
        if source_negative is None and source_guidance != 1:
            raise ValueError(
                f"source_guidance {source_guidance:g} needs a source_negative to guide away from: "
                "connect one (an empty prompt will do), or set source_guidance to 1"
            )
        sampling = host().sampling
        negative = source_positive if source_negative is None else source_negative
        bound = sampling.with_further(guider, SOURCE, source_positive, negative, source_guidance)
        edit = flow_edit(averages=averages, refine=refine)
        return io.NodeOutput(sampling.with_wrapper(bound, edit, innermost=True))


NODES: list[type[Any]] = [SpacetimeFlowEdit]
