"""Sample Long Video: sample a clip too long for one run as one stream of latents."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from ...hosts import host, io
from ...models.shapes import WAN_COMPRESSION
from ...timeline.chunks import ChunkPlan
from ..helpers.advanced import advanced
from ..helpers.long_runs import LongRun
from ..helpers.origin import origin_of
from ..helpers.refusal import refusal
from ..helpers.search import search_words
from ..sampling.sampling import sampling_inputs
from .extend import CATEGORY


class SpacetimeSampleLongVideo(io.ComfyNode):
    """Sample a clip of any length in chunks."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeSampleLongVideo",
            display_name="Sample Long Video (One Minute)",
            category=CATEGORY,
            description="Generates a clip that is too long for one run, in chunks. Each chunk sees "
            "the end of what exists so far and the clip's first frame. The clip stays one stream "
            "of latents, so colours do not drift as they do when clips are decoded and encoded "
            "again. Works on any timeline: it continues from a given beginning and leads into a "
            "given ending.",
            **search_words(
                "long video", "infinite length", "autoregressive", "chunks", "loop sampler",
                "one minute", "extend many times", "framepack", "context",
            ),
            inputs=[
                *sampling_inputs(
                    io.Latent.Input(
                        "latent",
                        tooltip="The clip to generate: Empty Video of any length, or a timeline.",
                    )
                ),
                io.Int.Input(
                    "chunk", default=33, min=9, max=8193, step=4,
                    tooltip="Frames per run: as many as the model was trained on. 33 for the "
                    "tiny model, 81 for Wan.",
                ),
                io.Int.Input(
                    "context", default=9, min=1, max=4096, step=4,
                    tooltip="How many frames of each chunk are existing ones, which show how "
                    "things move.",
                ),
                io.Boolean.Input(
                    "anchor", default=True, **advanced(),
                    tooltip="Keep the clip's first frame in view of every run, so that colours and "
                    "objects stay the same. Turn it off if the scene should change.",
                ),
                io.Float.Input(
                    "match", default=0.0, min=0.0, max=1.0, step=0.05, **advanced(),
                    tooltip="How far each chunk's colours and contrast are matched to the first "
                    "chunk's. 0 leaves them as they are; 0.1 to 0.3 helps models that drift.",
                ),
                io.Boolean.Input(
                    "resumable", default=True, **advanced(),
                    tooltip="Save finished chunks in the folder chunks of the output folder. After "
                    "a crash, the same graph resumes at the first missing chunk. The last eight "
                    "runs are kept.",
                ),
            ],
            outputs=[
                io.Latent.Output(
                    display_name="LATENT", tooltip="The finished latent, for Decode Timeline."
                )
            ],
            hidden=[io.Hidden.prompt, io.Hidden.unique_id],
        )  # fmt: skip

    @classmethod
    def validate_inputs(cls, chunk: int | None, context: int | None, anchor: bool | None) -> Any:
        """Reject chunks without room for new frames before the graph runs."""
        return refusal(_plan, chunk, context, anchor)

    @classmethod
    def execute(
        cls,
        guider: Any,
        noise: Any,
        sampler: Any,
        sigmas: Tensor,
        latent: Mapping[str, Any],
        chunk: int = 33,
        context: int = 9,
        anchor: bool = True,
        match: float = 0.0,
        resumable: bool = True,
    ) -> io.NodeOutput:
        """Sample one chunk after another."""
        plan = _plan(chunk, context, anchor, host().sampling.about(guider).time_factor)
        run = LongRun(
            guider=guider, noise=noise, sampler=sampler, sigmas=sigmas, plan=plan, match=match,
            keep=resumable, origin=origin_of(cls.hidden),
        )  # fmt: skip
        return io.NodeOutput({**latent, "samples": run.sample(latent)})


def _plan(chunk: int, context: int, anchor: bool, time: int = WAN_COMPRESSION.time) -> ChunkPlan:
    """The plan in latent frames: the first is one frame of video, each further one ``time``."""
    length, seen = (1 + (frames - 1) // time for frames in (chunk, context))
    least = 1 + (seen + 1) * time
    if chunk < least:
        raise ValueError(
            f"chunks of {chunk} frames with {context} frames of context leave no room for new "
            f"ones: use chunks of at least {least} frames, or less context"
        )
    return ChunkPlan(length=length, context=seen, anchor=anchor)


NODES: list[type[Any]] = [SpacetimeSampleLongVideo]
