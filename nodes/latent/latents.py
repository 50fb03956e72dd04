"""Empty Video: the size, length and frame rate of the clip to generate."""

from typing import Any

import torch

from ...hosts import io
from ...models.latent_format import LatentFormat
from ...models.patchify import PATCH
from ...models.shapes import VideoShape
from ..helpers.ahead import types_after
from ..helpers.search import search_words
from ..helpers.size_inputs import fps_input, side_inputs
from ..helpers.sizes import check_ahead, check_size, size_problem

EMPTY = LatentFormat(channels=16)
"""Latent format of the tiny model and Wan 2.1. Sampling fits it to other models, or rejects it."""


class SpacetimeEmptyVideo(io.ComfyNode):
    """Create an empty latent to generate into."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeEmptyVideo",
            display_name="Empty Video (T2V)",
            category="Spacetime/Latent",
            description="Sets the size, length and frame rate of the clip to generate. One frame "
            "makes an image.",
            **search_words(
                "text to video",
                "text2video",
                "txt2vid",
                "empty latent video",
                "empty latent image",
                "resolution",
                "length",
                "frame rate",
                "fps",
            ),
            inputs=[
                *side_inputs(),
                io.Int.Input(
                    "frames",
                    default=17,
                    min=1,
                    max=8193,
                    step=4,
                    tooltip="Length in frames: 1 plus a multiple of 4, such as 17, 33 or 81; 1 "
                    "makes an image.",
                ),
                fps_input(),
            ],
            outputs=[
                io.Latent.Output(
                    display_name="LATENT",
                    tooltip="An empty latent of that size, for Sample or Patchify.",
                )
            ],
            hidden=[io.Hidden.prompt, io.Hidden.unique_id],
        )

    @classmethod
    def validate_inputs(cls, width: int | None, height: int | None, frames: int | None) -> Any:
        """Reject sizes that do not divide evenly into VAE cells and patches."""
        return size_problem(EMPTY, width, height, frames, patch=PATCH[1])

    @classmethod
    def execute(cls, width: int, height: int, frames: int, fps: float = 16.0) -> io.NodeOutput:
        """Create zeros in the latent's shape."""
        shape = VideoShape(frames, height, width)
        check_size(EMPTY, shape, patch=PATCH[1])
        check_ahead(shape, types_after(cls.hidden))
        samples = torch.zeros(1, EMPTY.channels, *EMPTY.compression.latent_shape(shape))
        return io.NodeOutput({"samples": samples, "fps": fps})


NODES: list[type[Any]] = [SpacetimeEmptyVideo]
