"""Converge and Branch: several clips that share an ending or a beginning."""

from typing import Any

from torch import Tensor

from ...hosts import io
from ...hosts.keys import SEVERAL_KEY
from ...media.fit import Size
from ...timeline import Timeline
from ...timeline.plans import connected, extended_backward, extended_forward
from ..helpers.search import search_words
from ..helpers.timelines import (
    Audio,
    audio_input,
    clip_of,
    compression_of,
    context_input,
    fps_of_clips,
    frames_input,
    sounding,
    to_latent,
    vae_input,
)
from .extend import CATEGORY

MOST_BEGINNINGS = 6
MOST_CLIPS = 64


class SpacetimeConverge(io.ComfyNode):
    """Generate several clips with one ending."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeConverge",
            display_name="Converge (Shared Ending)",
            category=CATEGORY,
            description="Generates several clips, each with its own beginning, that all arrive at "
            "one ending. The frames of the ending are identical in all of them, bit for bit. The "
            "nodes after this one run once per clip; Prompts per Clip gives each clip its own "
            "prompt.",
            **search_words("same ending", "shared ending", "merge clips", "several to one"),
            inputs=[
                io.Image.Input("ending", tooltip="The clip or image that all clips end in."),
                vae_input(),
                frames_input("Frames to generate for each clip before the ending."),
                fps_of_clips(),
                io.Int.Input(
                    "clips",
                    default=3,
                    min=1,
                    max=MOST_CLIPS,
                    tooltip="Number of clips when no beginnings are connected; otherwise there is "
                    "one clip per beginning.",
                ),
                context_input(),
                *(
                    io.Image.Input(
                        f"beginning_{number}",
                        optional=True,
                        tooltip="A clip or image that one of the clips begins with.",
                    )
                    for number in range(1, MOST_BEGINNINGS + 1)
                ),
                audio_input("ending_audio", "The ending's sound"),
            ],
            outputs=[_list_output("One clip per beginning, all with the same ending.")],
        )

    @classmethod
    def execute(
        cls,
        ending: Tensor,
        vae: Any,
        frames: int = 16,
        fps: float = 16.0,
        clips: int = 3,
        context: int = 9,
        ending_audio: Audio | None = None,
        **beginnings: Tensor | None,
    ) -> io.NodeOutput:
        """Place the ending and each beginning."""
        end, form = clip_of(ending, vae), compression_of(vae)
        size = Size(*end.shape[1:3])
        numbered = sorted(beginnings.items())  # a saved graph may name them in any order
        given = [clip_of(each, vae, size) for _, each in numbered if each is not None]
        made = [
            connected(each, end, frames, fps, context=context, compression=form) for each in given
        ] or [extended_backward(end, frames, fps, context=context, compression=form)]
        ends = [
            sounding(each, ending_audio, each.shape.frames - len(end), len(end)) for each in made
        ]
        return io.NodeOutput(_latents(ends if given else ends * clips, vae))


class SpacetimeBranch(io.ComfyNode):
    """Generate several clips with one beginning."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeBranch",
            display_name="Branch (Shared Beginning)",
            category=CATEGORY,
            description="Generates several continuations of one clip, each different. The nodes "
            "after this one run once per continuation; Prompts per Clip gives each its own prompt.",
            **search_words("variations", "several endings", "alternative continuations", "fork"),
            inputs=[
                io.Image.Input(
                    "beginning", tooltip="The clip or image that all branches continue from."
                ),
                vae_input(),
                frames_input("Frames to generate for each branch after the beginning."),
                fps_of_clips(),
                io.Int.Input(
                    "branches", default=3, min=1, max=MOST_CLIPS, tooltip="Number of continuations."
                ),
                context_input(),
                audio_input("audio", "The beginning's sound"),
            ],
            outputs=[_list_output("One clip per continuation, all with the same beginning.")],
        )

    @classmethod
    def execute(
        cls,
        beginning: Tensor,
        vae: Any,
        frames: int = 16,
        fps: float = 16.0,
        branches: int = 3,
        context: int = 9,
        audio: Audio | None = None,
    ) -> io.NodeOutput:
        """Place the beginning."""
        clip = clip_of(beginning, vae)
        made = extended_forward(clip, frames, fps, context=context, compression=compression_of(vae))
        made = sounding(made, audio, 0, len(clip))
        return io.NodeOutput(_latents([made] * branches, vae))


def _list_output(what: str) -> Any:
    return io.Latent.Output(display_name="LATENT", is_output_list=True, tooltip=what)


def _latents(timelines: list[Timeline], vae: Any) -> list[dict[str, Any]]:
    """The LATENTs, distinguished by their noise; equal timelines are encoded once."""
    known: dict[int, dict[str, Any]] = {}
    for each in timelines:
        if id(each) not in known:
            known[id(each)] = to_latent(each, vae)
    return [
        {**known[id(each)], "batch_index": [number], SEVERAL_KEY: len(timelines)}
        for number, each in enumerate(timelines)
    ]


NODES: list[type[Any]] = [SpacetimeConverge, SpacetimeBranch]
