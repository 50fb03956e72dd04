"""Noise: one seed, drawn per absolute latent frame."""

from typing import Any

from ..hosts import host
from ..samplers.noise import FrameNoise
from .search import search_words

io = host().io


class SpacetimeNoise(io.ComfyNode):
    """Noise from one seed."""

    @classmethod
    def define_schema(cls) -> Any:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeNoise",
            display_name="Noise",
            category="Spacetime/Sampling",
            description="Noise from one seed, drawn per latent frame: a longer clip, a window of "
            "it or a packed run sees the same noise for the same frame.",
            **search_words("random noise", "seed"),
            inputs=[
                io.Int.Input(
                    "seed",
                    default=0,
                    min=0,
                    max=0xFFFFFFFFFFFFFFFF,
                    control_after_generate=True,
                    tooltip="The same seed gives the same video; another one, another video.",
                )
            ],
            outputs=[
                io.Noise.Output(display_name="noise", tooltip="For Sample or Sample Patches.")
            ],
        )

    @classmethod
    def execute(cls, seed: int) -> Any:
        """Wrap the seed."""
        return io.NodeOutput(FrameNoise(seed))


NODES: list[type[Any]] = [SpacetimeNoise]
