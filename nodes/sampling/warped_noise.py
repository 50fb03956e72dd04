"""Warped Noise: noise that moves with the motion of the clip."""

from typing import Any

from ...hosts import io
from ...media import whole_frames
from ...media.hints import Flow
from ...models.shapes import WAN_COMPRESSION
from ...samplers.noise.frames import FrameNoise
from ...samplers.noise.sources import MixedNoise
from ...samplers.noise.warped import WarpedNoise
from ..helpers.hints import FLOW
from ..helpers.search import search_words
from ..helpers.timelines import compression_of

_SEEDS = 2**64


class SpacetimeWarpedNoise(io.ComfyNode):
    """Draw noise that follows a flow."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeWarpedNoise",
            display_name="Warped Noise (Flow)",
            category="Spacetime/Sampling",
            description="Noise that moves along a flow but is plain noise in every single frame "
            "(Go-with-the-Flow). Models trained on such noise follow the motion; with others, an "
            "edited video flickers less.",
            **search_words("go with the flow", "noise warping", "motion transfer", "flow noise"),
            inputs=[
                io.Int.Input(
                    "seed", default=0, min=0, max=_SEEDS - 1, control_after_generate=True,
                    tooltip="The same seed and flow give the same noise.",
                ),
                io.Custom(FLOW).Input(
                    "flow", tooltip="The motion, from Flow from Tracks or an optical flow. It "
                    "starts at the clip's first frame; frames after its end get plain noise.",
                ),
                io.Float.Input(
                    "fresh", default=0.0, min=0.0, max=1.0, step=0.01,
                    tooltip="Share of plain noise mixed in at full strength: 0 follows the flow "
                    "strictly, 1 not at all. 0.3 to 0.5 gives the model more freedom.",
                ),
                io.Vae.Input(
                    "vae", optional=True,
                    tooltip="The model's VAE, for the number of frames per latent frame; without "
                    "it 4, as for Wan and the tiny model.",
                ),
            ],
            outputs=[
                io.Noise.Output(
                    display_name="NOISE", tooltip="For Sample, or ComfyUI's SamplerCustomAdvanced."
                )
            ],
        )  # fmt: skip

    @classmethod
    def execute(cls, seed: int, flow: Flow, fresh: float = 0.0, vae: Any = None) -> io.NodeOutput:
        """Bind the seed and the flow."""
        compression = WAN_COMPRESSION if vae is None else compression_of(vae)
        warped: Any = WarpedNoise(seed, whole_frames(flow.vectors), compression.time)
        if not fresh:
            return io.NodeOutput(warped)
        plain: Any = FrameNoise((seed + 1) % _SEEDS)
        return io.NodeOutput(MixedNoise(warped, plain, fresh))


NODES: list[type[Any]] = [SpacetimeWarpedNoise]
