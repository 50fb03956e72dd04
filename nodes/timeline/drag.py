"""Drag and Animate: move parts of an image along tracks and let the model render the result."""

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
    """Cut out parts of an image, move them, and limit how far the model may change the result."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeDragAndAnimate",
            display_name="Drag and Animate (Cut and Drag)",
            category=CATEGORY,
            description="Moves parts of an image along tracks, like paper cut-outs, and lets the "
            "model turn the result into a realistic video. Moving parts stay close to their "
            "tracks; the rest may change more. The image itself is the first frame. Needs no "
            "control weights.",
            **search_words(
                "time to move", "ttm", "dual clock", "cut and drag", "drag", "trajectory",
                "motion brush", "object motion", "camera control",
            ),
            inputs=[
                io.Image.Input(
                    "image", tooltip="The first frame, on which the tracks were drawn."
                ),
                tracks_input("Where each part moves, from Draw Motion or Camera Move."),
                vae_input(),
                fps_input("Frames per second of the clip."),
                io.Float.Input(
                    "strength", default=0.5, min=0.0, max=1.0, step=0.01,
                    tooltip="How much the moving parts are regenerated. Lower values keep them "
                    "closer to their tracks and to the cut-out; higher values let the model "
                    "relight and rotate them.",
                ),
                io.Float.Input(
                    "strength_around", default=0.9, min=0.0, max=1.0, step=0.01,
                    tooltip="How much everything else is regenerated: uncovered areas, shadows, "
                    "the background.",
                ),
                io.Mask.Input(
                    "mask", optional=True,
                    tooltip="White over all objects that move, as in Draw Motion. Without a mask "
                    "the whole image moves, as Camera Move needs.",
                ),
            ],
            outputs=[
                timeline_output("The timeline, for Sample and then Decode Timeline."),
                io.Image.Output(display_name="rough", tooltip="The cut-out animation."),
                io.Mask.Output(
                    display_name="MASK", tooltip="Where the moving parts are, in every frame."
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
        """Move the parts and set how far each place may change."""
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
