"""Seamless Loop: the size, length and frame rate of a clip whose end leads into its beginning."""

from typing import Any

import torch

from ...hosts import io
from ...models.patchify import PATCH
from ...models.shapes import VideoShape
from ..helpers.search import search_words
from ..helpers.size_inputs import fps_input, side_inputs
from ..helpers.sizes import check_size, size_problem
from ..latent.latents import EMPTY

TRAINED_FRAMES = 32
"""Of the loops that the shipped model was trained on."""


class SpacetimeSeamlessLoop(io.ComfyNode):
    """An empty latent whose time is a circle."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeSeamlessLoop",
            display_name="Seamless Loop (Infinite)",
            category="Spacetime/Timeline",
            description="Size, length and frame rate of a loop to be made: a clip that can be "
            "repeated for ever without a jump. Sample and Decode Video close it.",
            **search_words(
                "looping video",
                "endless loop",
                "perfect loop",
                "mobius",
                "cinemagraph",
                "circular",
                "gif",
                "empty latent video",
            ),
            inputs=[
                *side_inputs(),
                io.Int.Input(
                    "frames",
                    default=TRAINED_FRAMES,
                    min=4,
                    max=8192,
                    step=4,
                    tooltip="Frames of one turn: a multiple of 4. The shipped model was trained "
                    "on 32; take 64 to 80 for Wan. The movement must come back to where it began "
                    "in that time.",
                ),
                fps_input(),
            ],
            outputs=[
                io.Latent.Output(
                    display_name="LATENT",
                    tooltip="An empty loop of that size, for Sample or Patchify.",
                )
            ],
        )

    @classmethod
    def validate_inputs(cls, width: int | None, height: int | None, frames: int | None) -> Any:
        """Refuse sizes that the VAE and the patches do not divide."""
        return size_problem(EMPTY, width, height, frames, patch=PATCH[1], loop=True)

    @classmethod
    def execute(cls, width: int, height: int, frames: int, fps: float = 16.0) -> io.NodeOutput:
        """Make zeros of the latent's shape."""
        check_size(EMPTY, VideoShape(frames, height, width), patch=PATCH[1], loop=True)
        sides = (height // EMPTY.space_factor, width // EMPTY.space_factor)
        samples = torch.zeros(1, EMPTY.channels, frames // EMPTY.time_factor, *sides)
        return io.NodeOutput({"samples": samples, "fps": fps, "loop": True})


NODES: list[type[Any]] = [SpacetimeSeamlessLoop]
