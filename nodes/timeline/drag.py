"""Drag and Animate: a picture whose parts are moved, made real by the model."""

from typing import Any

from torch import Tensor

from ...hosts import io
from ...motion import read_tracks
from ...motion.layers import animated, layers_of
from ...timeline.plans import dragged
from ..helpers.motions import mask_over, size_of, tracks_input
from ..helpers.search import search_words
from ..helpers.size_inputs import fps_input
from ..helpers.timelines import (
    clip_of,
    compression_of,
    mask_of,
    timeline_output,
    to_latent,
    vae_input,
)
from .extend import CATEGORY


class SpacetimeDragAndAnimate(io.ComfyNode):
    """A picture, cut out and moved, and how far a model may change what comes of that."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeDragAndAnimate",
            display_name="Drag and Animate (Cut and Drag)",
            category=CATEGORY,
            description="Moves parts of a picture along tracks, as if cut out of paper, and lets "
            "the model make a real video of that: what moves stays close to its way, the rest is "
            "freer, the picture itself is the first frame. No control weights are needed.",
            **search_words(
                "time to move", "ttm", "dual clock", "cut and drag", "drag", "trajectory",
                "motion brush", "object motion", "camera control",
            ),
            inputs=[
                io.Image.Input(
                    "image", tooltip="The first frame, over which the tracks were drawn."
                ),
                tracks_input("What moves where, from Draw Motion or Camera Move."),
                vae_input(),
                fps_input("Frames per second of the clip."),
                io.Float.Input(
                    "strength", default=0.5, min=0.0, max=1.0, step=0.01,
                    tooltip="How much of what moves is made anew: less keeps it closer to its way "
                    "and to the cut-out, more lets the model light and turn it.",
                ),
                io.Float.Input(
                    "strength_around", default=0.9, min=0.0, max=1.0, step=0.01,
                    tooltip="How much of all else is made anew: what was uncovered, shadows, the "
                    "background.",
                ),
                io.Mask.Input(
                    "mask", optional=True,
                    tooltip="White where the things are that move, as Draw Motion has it; all of "
                    "them, if there are several. Without it the whole picture moves, as Camera "
                    "Move wants it.",
                ),
            ],
            outputs=[
                timeline_output("The clip in the making, for Sample and then Decode Timeline."),
                io.Image.Output(display_name="rough", tooltip="The cut-out animation."),
                io.Mask.Output(
                    display_name="MASK", tooltip="Where what moves is, in every frame."
                ),
            ],
        )  # fmt: skip

    @classmethod
    def execute(
        cls,
        image: Tensor,
        tracks: str,
        vae: Any,
        fps: float = 16.0,
        strength: float = 0.5,
        strength_around: float = 0.9,
        mask: Tensor | None = None,
    ) -> io.NodeOutput:
        """Move the parts and place them under their ceilings."""
        picture, size = image[0, ..., :3].float().cpu(), size_of(image)
        parts = layers_of(mask_over(mask, size), read_tracks(tracks, size), size)
        rough = animated(picture, parts)
        clip = clip_of(rough.frames, vae)
        moving = mask_of(rough.moving.float(), rough.frames, vae) > 0.5
        timeline = dragged(
            clip,
            moving,
            fps,
            change=strength,
            change_around=strength_around,
            compression=compression_of(vae),
        )
        return io.NodeOutput(to_latent(timeline, vae), clip, moving.float())


NODES: list[type[Any]] = [SpacetimeDragAndAnimate]
