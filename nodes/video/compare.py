"""Compare Videos: combine several videos into one labelled grid."""

from typing import Any

from torch import Tensor

from ...hosts import host, io
from ...media.compare import GridStyle, video_grid
from ..helpers.advanced import advanced
from ..helpers.search import search_words

MOST = 9
"""Largest number of videos in a grid."""


def _video(number: int) -> Any:
    return io.Image.Input(
        f"video_{number}",
        optional=number > 1,
        tooltip=f"Frames of video {number}, from Decode Video. Its label is line {number}.",
    )


class SpacetimeCompareVideos(io.ComfyNode):
    """Arrange videos in a labelled grid."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeCompareVideos",
            display_name="Compare Videos (Side by Side)",
            category="Spacetime/Video",
            description="Arranges up to nine videos in a labelled grid, to compare seeds, solvers "
            "or settings at the same moment.",
            **search_words(
                "grid", "side by side", "contact sheet", "xy plot", "label", "combine videos"
            ),
            inputs=[
                _video(1),
                io.String.Input(
                    "labels",
                    default="",
                    multiline=True,
                    tooltip="One line per video: the first for video_1, and so on. Long lines are "
                    "wrapped. Leave it empty for no labels.",
                ),
                io.Int.Input(
                    "columns",
                    default=0,
                    min=0,
                    max=MOST,
                    tooltip="Videos per row. 0 puts up to three in one row and arranges more in a "
                    "rough square.",
                ),
                io.Int.Input(
                    "scale",
                    default=0,
                    min=0,
                    max=8,
                    **advanced(),
                    tooltip="How many times larger the videos are drawn, pixel by pixel. 0 chooses "
                    "the smallest factor at which the labels are readable.",
                ),
                *map(_video, range(2, MOST + 1)),
            ],
            outputs=[
                io.Image.Output(
                    display_name="IMAGE", tooltip="The frames of the grid, for Create Video."
                )
            ],
        )

    @classmethod
    def execute(
        cls,
        video_1: Tensor,
        labels: str = "",
        columns: int = 0,
        scale: int = 0,
        **others: Tensor | None,
    ) -> io.NodeOutput:
        """Draw the grid of the connected videos."""
        lines = dict(enumerate(labels.splitlines(), 1))
        given = {1: video_1} | {
            number: video
            for number in range(2, MOST + 1)
            if (video := others.get(f"video_{number}")) is not None
        }
        return io.NodeOutput(
            video_grid(
                list(given.values()),
                [lines.get(number, "") for number in given],
                GridStyle(columns=columns, scale=scale),
                host().session.ticker(sum(map(len, given.values()))),
            )
        )


NODES: list[type[Any]] = [SpacetimeCompareVideos]
