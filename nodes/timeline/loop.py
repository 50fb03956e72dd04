"""Seamless Loop: size, length and frame rate of a clip whose end leads into its beginning."""

from typing import Any

import torch

from ...hosts import host, io
from ...models.patchify import PATCH
from ...models.shapes import VideoShape
from ..helpers.ahead import INSTEAD, types_after
from ..helpers.search import search_words
from ..helpers.size_inputs import fps_input, side_inputs
from ..helpers.sizes import check_ahead, check_size, size_problem
from ..latent.latents import EMPTY

TRAINED_FRAMES = 32
"""Length of the loops that the tiny model was trained on."""


class SpacetimeSeamlessLoop(io.ComfyNode):
    """Create an empty latent in which time is a circle."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeSeamlessLoop",
            display_name="Seamless Loop (Infinite)",
            category="Spacetime/Timeline",
            description="Sets the size, length and frame rate of a loop: a clip that repeats "
            "endlessly without a jump. Sample and Decode Video close the loop.",
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
                    tooltip="Length of one loop in frames: a multiple of 4. The tiny model was "
                    "trained on 32; use 64 to 80 for Wan. The motion must return to its start "
                    "within that time.",
                ),
                fps_input(),
            ],
            outputs=[
                io.Latent.Output(
                    display_name="LATENT",
                    tooltip="An empty loop of that size, for Sample or Patchify.",
                )
            ],
            hidden=[io.Hidden.prompt, io.Hidden.unique_id],
        )

    @classmethod
    def validate_inputs(cls, width: int | None, height: int | None, frames: int | None) -> Any:
        """Reject sizes that do not suit the VAE and the patches."""
        return size_problem(EMPTY, width, height, frames, patch=PATCH[1], loop=True)

    @classmethod
    def execute(cls, width: int, height: int, frames: int, fps: float = 16.0) -> io.NodeOutput:
        """Create zeros in the latent's shape."""
        shape, ahead = VideoShape(frames, height, width), types_after(cls.hidden)
        check_size(EMPTY, shape, patch=PATCH[1], loop=True)
        check_ahead(shape, ahead)
        _warn_of_seams(sorted(ahead & set(INSTEAD)))
        sides = (height // EMPTY.space_factor, width // EMPTY.space_factor)
        samples = torch.zeros(1, EMPTY.channels, frames // EMPTY.time_factor, *sides)
        return io.NodeOutput({"samples": samples, "fps": fps, "loop": True})


def _warn_of_seams(nodes: list[str]) -> None:
    """Warn about nodes of the graph that do not support circular time."""
    if nodes:
        pairs = ", ".join(f"{INSTEAD[node]} in place of {node}" for node in nodes)
        host().session.warn(
            f"{' and '.join(nodes)} cannot see that this latent is a loop, so the clip will jump "
            f"where it repeats: use {pairs}"
        )


NODES: list[type[Any]] = [SpacetimeSeamlessLoop]
