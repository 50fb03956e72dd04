"""Converge and Branch: several clips that share an ending, or a beginning."""

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
    """Several clips with one ending."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeConverge",
            display_name="Converge (Shared Ending)",
            category=CATEGORY,
            description="Several clips, each with a beginning of its own, that all arrive at one "
            "ending. Its frames are the same in all of them, bit for bit. What follows runs once "
            "for each clip; Prompts per Clip gives each a prompt of its own.",
            **search_words("same ending", "shared ending", "merge clips", "several to one"),
            inputs=[
                io.Image.Input("ending", tooltip="The clip, or the picture, that all end in."),
                vae_input(),
                frames_input("Frames that are made of each clip, up to the ending."),
                fps_of_clips(),
                io.Int.Input(
                    "clips",
                    default=3,
                    min=1,
                    max=MOST_CLIPS,
                    tooltip="How many clips, where no beginnings are connected; else one for each.",
                ),
                context_input(),
                *(
                    io.Image.Input(
                        f"beginning_{number}",
                        optional=True,
                        tooltip="A clip, or a picture, with which one of the clips begins.",
                    )
                    for number in range(1, MOST_BEGINNINGS + 1)
                ),
                audio_input("ending_audio", "The ending's sound"),
            ],
            outputs=[_list_output("One clip for each beginning, all with the same ending.")],
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
        """Place the ending, and each beginning."""
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
    """Several clips with one beginning."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeBranch",
            display_name="Branch (Shared Beginning)",
            category=CATEGORY,
            description="Several futures of one clip: each goes on from the same beginning in its "
            "own way. What follows runs once for each; Prompts per Clip gives each a prompt of its "
            "own.",
            **search_words("variations", "several endings", "alternative continuations", "fork"),
            inputs=[
                io.Image.Input(
                    "beginning", tooltip="The clip, or the picture, that all go on from."
                ),
                vae_input(),
                frames_input("Frames that are made of each clip, after the beginning."),
                fps_of_clips(),
                io.Int.Input(
                    "branches", default=3, min=1, max=MOST_CLIPS, tooltip="How many futures."
                ),
                context_input(),
                audio_input("audio", "The beginning's sound"),
            ],
            outputs=[_list_output("One clip for each future, all with the same beginning.")],
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
    """The LATENTs, told apart by their noise; equal timelines are encoded once."""
    known: dict[int, dict[str, Any]] = {}
    for each in timelines:
        if id(each) not in known:
            known[id(each)] = to_latent(each, vae)
    return [
        {**known[id(each)], "batch_index": [number], SEVERAL_KEY: len(timelines)}
        for number, each in enumerate(timelines)
    ]


NODES: list[type[Any]] = [SpacetimeConverge, SpacetimeBranch]
