"""Optical Flow: estimate the motion in a video, as images and as vectors."""

from typing import Any

from ...hosts import host, io
from ...media.hints import flow_pictures, optical_flow
from ..helpers.hints import (
    CATEGORY,
    FASTEST,
    FLOW,
    fastest_input,
    fastest_pixels,
    hint_output,
    images_input,
    with_preview,
)
from ..helpers.search import search_words


class SpacetimeOpticalFlow(io.ComfyNode):
    """Estimate the motion between frames."""

    takes_streams = frozenset({"images"})

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeOpticalFlow",
            display_name="Optical Flow",
            category=CATEGORY,
            description="Estimates how far each pixel moves from every frame to the next: as "
            "colours, whose hue is the direction, and as vectors for other nodes.",
            **search_words(
                "flow", "motion vectors", "motion field", "raft", "farneback", "tv-l1",
                "controlnet preprocessor", "hint",
            ),
            inputs=[images_input(), fastest_input()],
            outputs=[
                hint_output("Motion as colours: white is still, red moves right, cyan moves left"),
                io.Custom(FLOW).Output(
                    display_name="flow", tooltip="The motion in pixels per frame, for other nodes."
                ),
            ],
            is_output_node=True,
        )  # fmt: skip

    @classmethod
    def execute(cls, images: Any, fastest: float = FASTEST) -> io.NodeOutput:
        """Estimate the flow."""
        flow = optical_flow(images, host().session.ticker(max(1, len(images) - 1)))
        pictures = flow_pictures(flow, fastest_pixels(fastest, *images.shape[1:3]))
        return with_preview(cls, pictures, pictures, flow)


NODES: list[type[Any]] = [SpacetimeOpticalFlow]
