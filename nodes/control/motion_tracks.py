"""What tracks look like, what they say of every pixel, and tracks that follow a flow."""

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
    """Tracks as pictures."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeShowTracks",
            display_name="Show Tracks (Hint)",
            category=CATEGORY,
            description="Draws tracks: as a hint for a control network, a soft disc for each, "
            "whose colour tells where it began, and over the picture, for you to look at.",
            **search_words("draw tracks", "trajectory preview", "track visualization", "hint"),
            is_output_node=True,
            inputs=[
                tracks_input("The tracks."),
                io.Image.Input("image", tooltip="The picture, or the frames, under the tracks."),
                io.Float.Input(
                    "radius", default=0.0, min=0.0, max=256.0, step=0.5,
                    tooltip="Of the discs, in pixels; 0 goes with the size of the picture.",
                ),
                io.Int.Input(
                    "tail", default=0, min=0, max=64,
                    tooltip="Frames for which a disc still shows behind its point, ever fainter.",
                ),
                io.Latent.Input(
                    "latent", optional=True,
                    tooltip="A clip in the making, whose size and length the hint gets: frame by "
                    "frame of the clip; in a loop the tracks go round.",
                ),
            ],
            outputs=[
                io.Image.Output(
                    display_name="hint", tooltip="Discs on black, a picture for every frame."
                ),
                io.Image.Output(
                    display_name="preview", tooltip="The tracks over the picture, with their ways."
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
        """Draw them."""
        size, pictures = size_of(image), image[..., :3].float().cpu()
        read = read_tracks(tracks, size)
        shown = preview(read, pictures, radius=radius)
        placed, room = (read, size) if latent is None else over_clip(read, size, latent)
        drawn = hint(placed, room, radius=radius, tail=tail)
        return io.NodeOutput(drawn, shown, ui=ui.PreviewImage(shown[-1:], cls=cls))


class SpacetimeFlowFromTracks(io.ComfyNode):
    """The motion of every pixel, from tracks."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeFlowFromTracks",
            display_name="Flow from Tracks",
            category=CATEGORY,
            description="How far every pixel moves from each frame to the next: what lies under "
            "the mask as the tracks that begin in it, the rest as those around it.",
            **search_words("motion field", "dense flow", "optical flow", "trajectory to flow"),
            inputs=[
                tracks_input("The tracks."),
                io.Image.Input(
                    "image", display_name="picture under the tracks",
                    tooltip="The picture that they move over, for its size.",
                ),
                io.Mask.Input(
                    "mask", optional=True,
                    tooltip="White where things are that move by themselves. Without it all tracks "
                    "move the whole picture.",
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
        """Work the flow out."""
        size = size_of(image)
        read = read_tracks(tracks, size)
        return io.NodeOutput(flow_of(layers_of(mask_over(mask, size), read, size), size))


class SpacetimeTracksFromFlow(io.ComfyNode):
    """Points that a flow carries along."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeTracksFromFlow",
            display_name="Tracks from Flow",
            category=CATEGORY,
            description="Follows points of a video's first frame along its optical flow, so that "
            "another picture can move as the video does.",
            **search_words("point tracker", "track points", "motion transfer", "cotracker"),
            inputs=[
                io.Custom(FLOW).Input("flow", tooltip="The motion, from an optical flow."),
                io.Mask.Input(
                    "mask", display_name="where points begin", optional=True,
                    tooltip="White where points are to be followed; without it all over the "
                    "picture.",
                ),
            ],
            outputs=[tracks_output()],
        )  # fmt: skip

    @classmethod
    def execute(cls, flow: Flow, mask: Tensor | None = None) -> io.NodeOutput:
        """Carry the points along."""
        vectors = whole_frames(flow.vectors)
        size = Size(*vectors.shape[1:3])
        thing = mask_over(mask, size)
        points = grid(size) if thing is None else points_under(thing)
        return io.NodeOutput(write_tracks(followed(points, vectors.float().cpu())))


NODES: list[type[Any]] = [SpacetimeShowTracks, SpacetimeFlowFromTracks, SpacetimeTracksFromFlow]
