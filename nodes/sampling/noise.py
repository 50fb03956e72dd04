"""Noise from one seed, drawn per absolute latent frame, and nodes that change noise."""

from typing import Any

from ...hosts import io
from ...samplers.noise.frames import FrameNoise
from ...samplers.noise.sources import FrameSeeds, MixedNoise, ShiftedNoise
from ..helpers.number_text import read_seeds
from ..helpers.refusal import refusal
from ..helpers.search import search_words


class SpacetimeNoise(io.ComfyNode):
    """Draw noise from one seed."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeNoise",
            display_name="Noise (Seed)",
            category="Spacetime/Sampling",
            description="Noise from one seed, drawn per latent frame: a longer clip, a window of "
            "it or a packed run gets the same noise for the same frame.",
            **search_words("random noise", "seed"),
            inputs=[
                io.Int.Input(
                    "seed",
                    default=0,
                    min=0,
                    max=0xFFFFFFFFFFFFFFFF,
                    control_after_generate=True,
                    tooltip="The same seed gives the same video; another seed gives another video.",
                )
            ],
            outputs=[
                io.Noise.Output(display_name="NOISE", tooltip="For Sample or Sample Patches.")
            ],
        )

    @classmethod
    def execute(cls, seed: int) -> io.NodeOutput:
        """Wrap the seed."""
        return io.NodeOutput(FrameNoise(seed))


class SpacetimeFrameSeeds(io.ComfyNode):
    """Use other seeds for some frames."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeFrameSeeds",
            display_name="Frame Seeds",
            category="Spacetime/Sampling",
            description="Uses other seeds for the noise of some latent frames, to change part of a "
            "clip and keep the rest similar.",
            **search_words("seed per frame", "seed schedule", "noise per frame"),
            inputs=[
                io.Noise.Input("noise", tooltip="Noise for all other frames, from Noise."),
                io.String.Input(
                    "seeds",
                    default="",
                    placeholder="0: 5, 3-4: 17",
                    tooltip="Latent frames, counted from 0, and their seeds: 0: 5, 3-4: 17. Most "
                    "video models decode each latent frame after the first to 4 video frames, so "
                    "3-4 are video frames 9 to 16, counted from 0. If empty, nothing changes.",
                ),
            ],
            outputs=[_noise_output()],
        )

    @classmethod
    def validate_inputs(cls, seeds: str | None) -> Any:
        """Reject text that cannot be read before the graph runs."""
        return refusal(read_seeds, seeds)

    @classmethod
    def execute(cls, noise: Any, seeds: str) -> io.NodeOutput:
        """Replace the seeds."""
        return io.NodeOutput(FrameSeeds(noise, read_seeds(seeds)))


class SpacetimeMixNoise(io.ComfyNode):
    """Move from one noise towards another."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeMixNoise",
            display_name="Mix Noise",
            category="Spacetime/Sampling",
            description="Mixes the noise of two seeds at full strength: small shares give "
            "variations of the first seed's video, and steps from 0 to 1 morph it into the "
            "second's.",
            **search_words("variation seed", "noise blend", "slerp noise", "variation strength"),
            inputs=[
                io.Noise.Input("first", tooltip="The noise to start from, from Noise."),
                io.Noise.Input(
                    "second", tooltip="The noise to move towards; it needs another seed."
                ),
                io.Float.Input(
                    "share",
                    default=0.2,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="0 is the first noise, 1 the second. 0.1 to 0.3 gives variations of "
                    "the first.",
                ),
            ],
            outputs=[_noise_output()],
        )

    @classmethod
    def execute(cls, first: Any, second: Any, share: float) -> io.NodeOutput:
        """Mix both."""
        return io.NodeOutput(MixedNoise(first, second, share))


class SpacetimeShiftNoise(io.ComfyNode):
    """Use the noise of a later part of the clip."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeShiftNoise",
            display_name="Shift Noise",
            category="Spacetime/Sampling",
            description="Moves noise in time: the clip gets the noise that a longer clip would "
            "have further on. For parts of a video that are generated one after another.",
            **search_words("noise offset", "time offset", "continue noise", "roll noise"),
            inputs=[
                io.Noise.Input(
                    "noise",
                    tooltip="The noise to move, from Noise. RandomNoise is rejected, because its "
                    "noise has no position in time.",
                ),
                io.Int.Input(
                    "frames",
                    default=0,
                    min=-10_000,
                    max=10_000,
                    tooltip="Latent frames to move by. The first latent frame is one video frame; "
                    "each further one is as many as the model's VAE compresses: 4 for Wan and the "
                    "tiny model, 8 for LTX. With 4, a part that begins at video frame 4n + 1 of a "
                    "clip, counted from 0, needs n + 1. Negative values mean frames before the "
                    "beginning.",
                ),
            ],
            outputs=[_noise_output()],
        )

    @classmethod
    def execute(cls, noise: Any, frames: int) -> io.NodeOutput:
        """Move the noise."""
        return io.NodeOutput(ShiftedNoise(noise, frames))


def _noise_output() -> Any:
    return io.Noise.Output(display_name="NOISE", tooltip="For Sample or Sample Patches.")


NODES: list[type[Any]] = [
    SpacetimeNoise,
    SpacetimeFrameSeeds,
    SpacetimeMixNoise,
    SpacetimeShiftNoise,
]
