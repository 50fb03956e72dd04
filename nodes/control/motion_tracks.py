"""Show Tracks and Flow from Tracks: what tracks look like, and what they say of every pixel."""

from typing import Any

from torch import Tensor

from ...hosts import io, ui
from ...motion import read_tracks
from ...motion.drawing import hint, preview
from ...motion.flow import flow_of
from ...motion.layers import layers_of
from ..helpers.motions import FLOW, mask_over, size_of, tracks_input
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
        cls, tracks: str, image: Tensor, radius: float = 0.0, tail: int = 0
    ) -> io.NodeOutput:
        """Draw them."""
        size, pictures = size_of(image), image[..., :3].float().cpu()
        read = read_tracks(tracks, size)
        shown = preview(read, pictures, radius=radius)
        drawn = hint(read, size, radius=radius, tail=tail)
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
                io.Image.Input("image", tooltip="The picture that they move over, for its size."),
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
        return io.NodeOutput(flow_of(layers_of(mask_over(mask, image), read, size), size))


NODES: list[type[Any]] = [SpacetimeShowTracks, SpacetimeFlowFromTracks]
