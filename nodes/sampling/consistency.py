"""LCM Sampler: sample in few steps with a model distilled for them."""

from typing import Any

from ...hosts import host, io
from ...samplers.solvers.consistency import sample_lcm
from ..helpers.search import search_words


class SpacetimeLCMSampler(io.ComfyNode):
    """Sample by multistep consistency."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeLCMSampler",
            display_name="LCM Sampler (TCD)",
            category="Spacetime/Sampling",
            description="Generates a video in 1 to 8 steps with a model distilled for it: each "
            "step jumps to the finished video, and noise takes it back to the next noise level.",
            **search_words(
                "consistency", "tcd", "few steps", "turbo", "lightning", "sampler lcm", "fast"
            ),
            inputs=[
                io.Float.Input(
                    "eta",
                    default=1.0,
                    min=0.0,
                    max=1.0,
                    step=0.05,
                    tooltip="Share of fresh noise between steps. 1 is LCM; below 1 is TCD, which "
                    "keeps more of the previous step: use about 0.3 for more than 4 steps. 0 is "
                    "Euler.",
                ),
            ],
            outputs=[
                io.Sampler.Output(
                    display_name="SAMPLER",
                    tooltip="For Sample, Sample Patches or Sample Steps, with guidance 1.",
                )
            ],
        )

    @classmethod
    def execute(cls, eta: float = 1.0) -> io.NodeOutput:
        """Bind the share of noise to the solver."""
        return io.NodeOutput(host().sampling.make_sampler(sample_lcm, {"eta": eta}))


NODES: list[type[Any]] = [SpacetimeLCMSampler]
