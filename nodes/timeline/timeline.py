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
    """A picture, a clip or a part of one, at a time."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimePlaceOnTimeline",
            display_name="Place on Timeline (Keyframe, Clip)",
            category=CATEGORY,
            description="Gives a clip in the making a picture or frames at a time of your choice. "
            "Several of these nodes, one behind the other, give keyframes; what lies between is "
            "made.",
            **search_words(
                "keyframe", "add guide", "insert image", "frame at time", "start and end frames",
                "reference frame",
            ),
            inputs=[
                io.Latent.Input(
                    "latent",
                    tooltip="The clip in the making: from Empty Video, or from another node of "
                    "the timeline.",
                ),
                io.Image.Input(
                    "images",
                    tooltip="The picture, or the frames; scaled and cropped to the clip's size.",
                ),
                vae_input(),
                io.Float.Input(
                    "time", default=0.0, min=0.0, max=3600.0, step=0.01,
                    tooltip="When the picture, or the first of the frames, is shown: seconds from "
                    "the clip's beginning.",
                ),
                io.Mask.Input(
                    "mask", optional=True,
                    tooltip="What of it is not given: white is made anew, grey changed that much. "
                    "One for all frames, or one for each.",
                ),
                audio_input("audio", "The frames' sound"),
            ],
            outputs=[timeline_output("The clip in the making, for Sample or the next one.")],
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
        """Place the frames on top of what is there."""
        if TIMELINE_KEY not in latent and latent["samples"].any():
            raise ValueError(
                "the latent holds a clip that was encoded or made already: give the clip's frames "
                "to this node, and an empty video (Empty Video) to its latent"
            )
        timeline = timeline_of(latent, vae)
        length, *sides = timeline.shape
        first = round(time * timeline.fps)
        if first >= length:
            frames = "1 frame" if length == 1 else f"{length} frames"
            raise ValueError(
                f"time={time:g} s: the clip has {frames} at {timeline.fps:g} per second; "
                f"use less than {length / timeline.fps:g}"
            )
        clip = clip_of(images, vae, Size(*sides))
        change = None if mask is None else mask_of(mask, images, vae, Size(*sides))
        placed = with_frames(timeline, clip, first, change)
        placed = sounding(placed, audio, first, min(len(clip), length - first))
        return io.NodeOutput(to_latent(placed, vae))


class SpacetimeViewTimeline(io.ComfyNode):
    """What is given of a clip, as a picture."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeViewTimeline",
            display_name="View Timeline",
            category=CATEGORY,
            description="Shows a clip in the making: the given frames in their places, and how "
            "much of each frame is given (green), changed in part (amber) and made (grey).",
            **search_words("preview timeline", "show mask", "storyboard"),
            is_output_node=True,
            inputs=[
                io.Latent.Input(
                    "latent",
                    display_name="clip in the making",
                    tooltip="A clip in the making, from a timeline node.",
                ),
            ],
            outputs=[io.Image.Output(display_name="IMAGE", tooltip="The picture, for Save Image.")],
        )

    @classmethod
    def execute(cls, latent: dict[str, Any]) -> io.NodeOutput:
        """Draw the timeline."""
        timeline = latent.get(TIMELINE_KEY)
        if timeline is None:
            raise ValueError(
                "nothing is given of this latent: connect a node of the menu Timeline, such as "
                "Animate Image or Place on Timeline"
            )
        picture = drawn(timeline)[None]
        return io.NodeOutput(picture, ui=ui.PreviewImage(picture, cls=cls))


class SpacetimeDecodeTimeline(io.ComfyNode):
    """The finished clip."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeDecodeTimeline",
            display_name="Decode Timeline",
            category=CATEGORY,
            description="The finished clip: the sampled latent is decoded, and what was given "
            "comes back untouched in its place, however much of it the model saw.",
            **search_words("vae decode", "assemble", "composite", "paste original frames"),
            inputs=[
                io.Latent.Input(
                    "latent",
                    display_name="encoded video",
                    tooltip="A sampled timeline, from Sample.",
                ),
                io.Vae.Input("vae", tooltip="The VAE that encoded what is given."),
                io.Int.Input(
                    "fade", default=FADE, min=0, max=64,
                    tooltip="A VAE gives frames back a little changed, which shows where they meet "
                    "given ones. The difference is faded out over this many frames; 0 leaves it.",
                ),
            ],
            outputs=[
                io.Image.Output(display_name="IMAGE", tooltip="All frames of the clip."),
                io.Float.Output(display_name="fps", tooltip="Frames per second, for Create Video."),
                io.Audio.Output(
                    display_name="AUDIO",
                    tooltip="The sound of what was given, in its place, for Create Video; nothing "
                    "where none was given.",
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
