"""Draw tracks, turn them into dense flow, and follow a flow to make tracks."""

from typing import Any

from torch import Tensor

from ...hosts import io, ui
from ...media import whole_frames
from ...media.fit import Size
from ...media.hints import Flow
from ...motion import read_tracks, write_tracks
from ...motion.camera import grid
from ...motion.drawing import hint, preview
from ...motion.flow import flow_of, followed
from ...motion.layers import layers_of
from ...motion.path import points_under
from ..helpers.hints import FLOW
from ..helpers.motions import mask_over, over_clip, size_of, tracks_input, tracks_output
from ..helpers.search import search_words
from .motion import CATEGORY


class SpacetimeShowTracks(io.ComfyNode):
    """Draw tracks as images."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeShowTracks",
            display_name="Show Tracks (Hint)",
            category=CATEGORY,
            description="Draws tracks in two ways: as a hint for a ControlNet, where each track "
            "is a soft disc whose colour encodes where it began, and as a preview over the image.",
            **search_words("draw tracks", "trajectory preview", "track visualization", "hint"),
            is_output_node=True,
            inputs=[
                tracks_input("The tracks."),
                io.Image.Input("image", tooltip="The image, or the frames, under the tracks."),
                io.Float.Input(
                    "radius", default=0.0, min=0.0, max=256.0, step=0.5,
                    tooltip="Radius of the discs in pixels; 0 scales it with the image "
                    "size, and in the hint makes discs that begin close together smaller.",
                ),
                io.Int.Input(
                    "tail", default=0, min=0, max=64,
                    tooltip="Number of frames for which each disc leaves a fading trail.",
                ),
                io.Latent.Input(
                    "latent", optional=True,
                    tooltip="The clip to generate: the hint takes its size and length, frame by "
                    "frame; in a loop the tracks wrap around.",
                ),
            ],
            outputs=[
                io.Image.Output(
                    display_name="hint", tooltip="Discs on black, one image per frame."
                ),
                io.Image.Output(
                    display_name="preview", tooltip="The tracks and their paths over the image."
                ),
            ],
        )  # fmt: skip

    @classmethod
    def execute(
        cls,
        tracks: str,
        image: Tensor,
        radius: float = 0.0,
        tail: int = 0,
        latent: dict[str, Any] | None = None,
    ) -> io.NodeOutput:
        """Draw the hint and the preview."""
        size, pictures = size_of(image), image[..., :3].float().cpu()
        read = read_tracks(tracks, size)
        shown = preview(read, pictures, radius=radius)
        placed, room = (read, size) if latent is None else over_clip(read, size, latent)
        loop = latent is not None and bool(latent.get("loop"))
        drawn = hint(placed, room, radius=radius, tail=tail, loop=loop)
        return io.NodeOutput(drawn, shown, ui=ui.PreviewImage(shown[-1:], cls=cls))


class SpacetimeFlowFromTracks(io.ComfyNode):
    """Compute the motion of every pixel from tracks."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeFlowFromTracks",
            display_name="Flow from Tracks",
            category=CATEGORY,
            description="Computes how far every pixel moves from each frame to the next. Pixels "
            "under the mask move with the tracks that begin in it, the rest with the tracks "
            "around it.",
            **search_words("motion field", "dense flow", "optical flow", "trajectory to flow"),
            inputs=[
                tracks_input("The tracks."),
                io.Image.Input(
                    "image", display_name="picture under the tracks",
                    tooltip="The image under the tracks, for its size.",
                ),
                io.Mask.Input(
                    "mask", optional=True,
                    tooltip="White where objects move on their own. Without it the tracks move "
                    "the whole image.",
                ),
            ],
            outputs=[
                io.Custom(FLOW).Output(
                    display_name="flow", tooltip="Pixels per frame, for Warped Noise."
                )
            ],
        )  # fmt: skip

    @classmethod
    def execute(cls, tracks: str, image: Tensor, mask: Tensor | None = None) -> io.NodeOutput:
        """Compute the flow."""
        size = size_of(image)
        read = read_tracks(tracks, size)
        return io.NodeOutput(flow_of(layers_of(mask_over(mask, size), read, size), size))


class SpacetimeTracksFromFlow(io.ComfyNode):
    """Track points along a flow."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeTracksFromFlow",
            display_name="Tracks from Flow",
            category=CATEGORY,
            description="Follows points of a video's first frame along its optical flow, so that "
            "another image can move the same way.",
            **search_words("point tracker", "track points", "motion transfer", "cotracker"),
            inputs=[
                io.Custom(FLOW).Input("flow", tooltip="The motion, from an optical flow node."),
                io.Mask.Input(
                    "mask", display_name="where points begin", optional=True,
                    tooltip="White where points are to be followed; without it they begin all "
                    "over the image.",
                ),
            ],
            outputs=[tracks_output()],
        )  # fmt: skip

    @classmethod
    def execute(cls, flow: Flow, mask: Tensor | None = None) -> io.NodeOutput:
        """Move the points along the flow."""
        vectors = whole_frames(flow.vectors)
        size = Size(*vectors.shape[1:3])
        thing = mask_over(mask, size)
        points = grid(size) if thing is None else points_under(thing)
        return io.NodeOutput(write_tracks(followed(points, vectors.float().cpu())))


NODES: list[type[Any]] = [SpacetimeShowTracks, SpacetimeFlowFromTracks, SpacetimeTracksFromFlow]
