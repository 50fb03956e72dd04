"""Two Experts: two models that share one run, such as the experts of Wan 2.2 A14B."""

from typing import Any

from ...hosts import host, io
from ..helpers.search import search_words

TEXT_TO_VIDEO = 0.875
"""The boundary in the published configuration of Wan 2.2 T2V A14B; that of I2V A14B is 0.9."""


class SpacetimeTwoExperts(io.ComfyNode):
    """Combine two guiders into one."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeTwoExperts",
            display_name="Two Experts (Wan 2.2 High / Low Noise)",
            category="Spacetime/Sampling",
            description="Combines the two models of Wan 2.2 A14B into one guider: the first runs "
            "down to a given noise level, the second from there on, in one run with one solver. "
            "Only one of them needs to be loaded at a time.",
            **search_words("moe", "a14b", "high noise", "low noise", "refiner", "switch model"),
            inputs=[
                io.Guider.Input(
                    "high_noise",
                    tooltip="The high-noise model with its prompts and guidance, from its own "
                    "Denoiser.",
                ),
                io.Guider.Input(
                    "low_noise",
                    tooltip="The low-noise model with its prompts and guidance, from its own "
                    "Denoiser.",
                ),
                io.Float.Input(
                    "boundary",
                    default=TEXT_TO_VIDEO,
                    min=0.0,
                    max=1.0,
                    step=0.005,
                    tooltip="Noise level at which the second model takes over: 0.875 for Wan 2.2 "
                    "text to video, 0.9 for image to video.",
                ),
            ],
            outputs=[
                io.Guider.Output(
                    display_name="GUIDER",
                    tooltip="For Sample, or for a guidance node, which then changes both.",
                )
            ],
        )

    @classmethod
    def execute(
        cls, high_noise: Any, low_noise: Any, boundary: float = TEXT_TO_VIDEO
    ) -> io.NodeOutput:
        """Let the second guider take over at the boundary."""
        return io.NodeOutput(host().sampling.handed_over(high_noise, low_noise, boundary))


NODES: list[type[Any]] = [SpacetimeTwoExperts]
