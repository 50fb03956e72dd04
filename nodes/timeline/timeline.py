"""Place on Timeline, View Timeline, Decode Timeline."""

from typing import Any

from torch import Tensor

from ...hosts import host, io, ui
from ...media.fit import Size
from ...timeline import TIMELINE_KEY, assembled
from ...timeline.assemble import FADE
from ...timeline.picture import drawn
from ...timeline.plans import with_frames
from ..helpers.search import search_words
from ..helpers.size_inputs import FPS
from ..helpers.sizes import check_decoded
from ..helpers.timelines import (
    Audio,
    audio_input,
    audio_of,
    clip_of,
    known_timeline,
    mask_of,
    sounding,
    timeline_of,
    timeline_output,
    to_latent,
    vae_input,
)
from .extend import CATEGORY


class SpacetimePlaceOnTimeline(io.ComfyNode):
    """Place an image, a clip or a part of one at a given time."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimePlaceOnTimeline",
            display_name="Place on Timeline (Keyframe, Clip)",
            category=CATEGORY,
            description="Places an image or a clip at a chosen time. Chain several of these nodes "
            "to set keyframes; the frames between them are generated.",
            **search_words(
                "keyframe", "add guide", "insert image", "frame at time", "start and end frames",
                "reference frame",
            ),
            inputs=[
                io.Latent.Input(
                    "latent",
                    tooltip="The timeline to add to: from Empty Video or another timeline node.",
                ),
                io.Image.Input(
                    "images",
                    tooltip="The image or frames to place; scaled and cropped to the clip's size.",
                ),
                vae_input(),
                io.Float.Input(
                    "time", default=0.0, min=0.0, max=3600.0, step=0.01,
                    tooltip="When the image, or the first of the frames, appears: seconds from the "
                    "beginning of the clip.",
                ),
                io.Mask.Input(
                    "mask", optional=True,
                    tooltip="Which parts of the frames are not given: white is generated, grey is "
                    "changed by that much. One mask for all frames or one per frame.",
                ),
                audio_input("audio", "The frames' sound"),
            ],
            outputs=[timeline_output("The timeline, for Sample or the next timeline node.")],
        )  # fmt: skip

    @classmethod
    def execute(
        cls,
        latent: dict[str, Any],
        images: Tensor,
        vae: Any,
        time: float = 0.0,
        mask: Tensor | None = None,
        audio: Audio | None = None,
    ) -> io.NodeOutput:
        """Place the frames on top of the existing ones."""
        if TIMELINE_KEY not in latent and latent["samples"].any():
            raise ValueError(
                "the latent holds an encoded or sampled clip: connect the clip's frames to images, "
                "and an empty video (Empty Video) to latent"
            )
        timeline = timeline_of(latent, vae)
        length, *sides = timeline.shape
        first = round(time * timeline.fps)
        if first >= length:
            frames = "1 frame" if length == 1 else f"{length} frames"
            raise ValueError(
                f"time={time:g} s is past the end: the clip has {frames} at {timeline.fps:g} per "
                f"second; the last one is at {(length - 1) / timeline.fps:g} s"
            )
        clip = clip_of(images, vae, Size(*sides))
        change = None if mask is None else mask_of(mask, images, vae, Size(*sides))
        placed = with_frames(timeline, clip, first, change)
        placed = sounding(placed, audio, first, min(len(clip), length - first))
        return io.NodeOutput(to_latent(placed, vae))


class SpacetimeViewTimeline(io.ComfyNode):
    """Show the given parts of a clip as an image."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeViewTimeline",
            display_name="View Timeline",
            category=CATEGORY,
            description="Shows a timeline: the given frames in their places, and how much of each "
            "frame is given (green), partly changed (amber) and generated (grey).",
            **search_words("preview timeline", "show mask", "storyboard"),
            is_output_node=True,
            inputs=[
                io.Latent.Input(
                    "latent",
                    display_name="clip in the making",
                    tooltip="A timeline, from a timeline node.",
                ),
            ],
            outputs=[
                io.Image.Output(display_name="IMAGE", tooltip="The drawn timeline, for Save Image.")
            ],
        )

    @classmethod
    def execute(cls, latent: dict[str, Any]) -> io.NodeOutput:
        """Draw the timeline."""
        timeline = latent.get(TIMELINE_KEY)
        if timeline is None:
            raise ValueError(
                "this latent has no given frames: connect a node of the menu Timeline, such as "
                "Animate Image or Place on Timeline"
            )
        picture = drawn(timeline)[None]
        return io.NodeOutput(picture, ui=ui.PreviewImage(picture, cls=cls))


class SpacetimeDecodeTimeline(io.ComfyNode):
    """Decode a sampled timeline into the finished clip."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeDecodeTimeline",
            display_name="Decode Timeline",
            category=CATEGORY,
            description="Decodes the sampled latent and puts the given frames back in place "
            "untouched, however much of them the model saw.",
            **search_words("vae decode", "assemble", "composite", "paste original frames"),
            inputs=[
                io.Latent.Input(
                    "latent",
                    display_name="encoded video",
                    tooltip="A sampled timeline, from Sample.",
                ),
                io.Vae.Input("vae", tooltip="The VAE that encoded the given frames."),
                io.Int.Input(
                    "fade", default=FADE, min=0, max=64,
                    tooltip="Decoded frames differ slightly from the given ones, which shows where "
                    "they meet. The difference is faded out over this many frames; 0 leaves it.",
                ),
            ],
            outputs=[
                io.Image.Output(display_name="IMAGE", tooltip="All frames of the clip."),
                io.Float.Output(display_name="fps", tooltip="Frames per second, for Create Video."),
                io.Audio.Output(
                    display_name="AUDIO",
                    tooltip="The sound of the given parts, in place, for Create Video; empty if "
                    "there is none.",
                ),
            ],
        )  # fmt: skip

    @classmethod
    def execute(cls, latent: dict[str, Any], vae: Any, fade: int = FADE) -> io.NodeOutput:
        """Decode and assemble."""
        samples, timeline = latent["samples"], known_timeline(latent)
        loop = bool(latent.get("loop"))
        check_decoded(host().models.vae_format(vae), samples, loop=loop)
        decoded = host().models.decode_video(vae, samples, loop=loop)
        if timeline is None:
            return io.NodeOutput(decoded, float(latent.get("fps", FPS)), None)
        finished = assembled(timeline, decoded, fade=fade)
        return io.NodeOutput(finished, timeline.fps, audio_of(timeline))


NODES: list[type[Any]] = [
    SpacetimePlaceOnTimeline,
    SpacetimeViewTimeline,
    SpacetimeDecodeTimeline,
]
