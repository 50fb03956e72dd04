"""Animate Image, Extend Forward, Extend Backward, Connect Clips, Close Loop."""

from typing import Any, get_args

from torch import Tensor

from ...hosts import io
from ...media.fit import How, Size
from ...timeline.plans import animated, closed, connected, extended_backward, extended_forward
from ..helpers.search import search_words
from ..helpers.size_inputs import fps_input
from ..helpers.timelines import (
    Audio,
    audio_input,
    clip_of,
    compression_of,
    context_input,
    fps_of_clips,
    frames_input,
    sounding,
    timeline_output,
    to_latent,
    vae_input,
)

CATEGORY = "Spacetime/Timeline"


class SpacetimeAnimateImage(io.ComfyNode):
    """Use an image as the first frame and, optionally, another as the last."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeAnimateImage",
            display_name="Animate Image (I2V, FLF2V)",
            category=CATEGORY,
            description="Animates an image: it becomes the first frame of the clip. An optional "
            "second image becomes the last frame.",
            **search_words(
                "image to video", "img2vid", "i2v", "first last frame", "flf2v", "start image",
                "end image", "animate still",
            ),
            inputs=[
                io.Image.Input("image", tooltip="The first frame. If a batch is connected, its "
                "first image is used."),
                vae_input(),
                *_size_inputs(),
                frames_input("Length of the clip in frames, including the given ones.", 17),
                fps_input("Frames per second of the clip."),
                io.Combo.Input(
                    "how",
                    options=list(get_args(How)),
                    default="crop",
                    tooltip="How images are fitted to the size: crop cuts off the excess on both "
                    "sides, pad adds black bars, stretch changes the aspect ratio.",
                ),
                io.Image.Input(
                    "end_image", optional=True, tooltip="An optional last frame."
                ),
            ],
            outputs=[timeline_output()],
        )  # fmt: skip

    @classmethod
    def execute(
        cls,
        image: Tensor,
        vae: Any,
        width: int = 0,
        height: int = 0,
        frames: int = 17,
        fps: float = 16.0,
        how: How = "crop",
        end_image: Tensor | None = None,
    ) -> io.NodeOutput:
        """Place the images."""
        if end_image is not None and frames < 2:
            raise ValueError(
                f"frames={frames} is too short for a first and a last frame: use 2 or more"
            )
        wanted = Size(height, width) if width or height else None
        first = clip_of(image[:1], vae, wanted, how)
        size = Size(*first.shape[1:3])
        last = None if end_image is None else clip_of(end_image[:1], vae, size, how)[0]
        made = animated(first[0], frames, fps, end=last, compression=compression_of(vae))
        return io.NodeOutput(to_latent(made, vae))


def _size_inputs() -> list[Any]:
    return [
        io.Int.Input(
            name, default=0, min=0, max=8192, step=16,
            tooltip=f"{name.title()} in pixels. 0 derives it from the {other}; if both are 0, the "
            "image keeps its own size, cropped to fit.",
        )
        for name, other in (("width", "height"), ("height", "width"))
    ]  # fmt: skip


def _clip_input(id: str, what: str) -> Any:
    return io.Image.Input(
        id,
        tooltip=f"{what} Sides that are not multiples of 16 are cropped; a clip that fits is left "
        "untouched.",
    )


class SpacetimeExtendForward(io.ComfyNode):
    """Continue a clip after its last frame."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeExtendForward",
            display_name="Extend Forward (Continue Video)",
            category=CATEGORY,
            description="Continues a clip with new frames after its last one. The clip's own "
            "frames come back untouched.",
            **search_words("extend video", "continue video", "video continuation", "longer video"),
            inputs=[
                _clip_input("images", "The clip to continue."),
                vae_input(),
                frames_input("New frames after the clip's last one."),
                fps_of_clips(),
                context_input(),
                audio_input(),
            ],
            outputs=[timeline_output()],
        )

    @classmethod
    def execute(
        cls,
        images: Tensor,
        vae: Any,
        frames: int = 16,
        fps: float = 16.0,
        context: int = 9,
        audio: Audio | None = None,
    ) -> io.NodeOutput:
        """Place the clip at the beginning."""
        clip = clip_of(images, vae)
        made = extended_forward(clip, frames, fps, context=context, compression=compression_of(vae))
        return io.NodeOutput(to_latent(sounding(made, audio, 0, len(clip)), vae))


class SpacetimeExtendBackward(io.ComfyNode):
    """Generate what comes before a clip."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeExtendBackward",
            display_name="Extend Backward (Prequel)",
            category=CATEGORY,
            description="Generates new frames that lead into a clip's first frame. The clip's own "
            "frames come back untouched.",
            **search_words("extend video", "prequel", "before the beginning", "reverse extend"),
            inputs=[
                _clip_input("images", "The clip to lead into."),
                vae_input(),
                frames_input("New frames before the clip's first one."),
                fps_of_clips(),
                context_input(),
                audio_input(),
            ],
            outputs=[timeline_output()],
        )

    @classmethod
    def execute(
        cls,
        images: Tensor,
        vae: Any,
        frames: int = 16,
        fps: float = 16.0,
        context: int = 9,
        audio: Audio | None = None,
    ) -> io.NodeOutput:
        """Place the clip at the end."""
        clip = clip_of(images, vae)
        made = extended_backward(
            clip, frames, fps, context=context, compression=compression_of(vae)
        )
        return io.NodeOutput(to_latent(sounding(made, audio, frames, len(clip)), vae))


class SpacetimeConnectClips(io.ComfyNode):
    """Generate a transition from one clip to another."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeConnectClips",
            display_name="Connect Clips (Transition)",
            category=CATEGORY,
            description="Generates a transition from one clip to another. The frames of both clips "
            "come back untouched, before and after it.",
            **search_words("join clips", "transition", "in-between", "interpolate", "bridge"),
            inputs=[
                _clip_input("first", "The clip before the transition."),
                io.Image.Input(
                    "second",
                    tooltip="The clip after the transition; scaled and cropped to the size of the "
                    "first one if needed.",
                ),
                vae_input(),
                frames_input("Length of the transition in frames."),
                fps_of_clips(),
                context_input(),
                audio_input("first_audio", "The first clip's sound"),
                audio_input("second_audio", "The second clip's sound"),
            ],
            outputs=[timeline_output()],
        )

    @classmethod
    def execute(
        cls,
        first: Tensor,
        second: Tensor,
        vae: Any,
        frames: int = 16,
        fps: float = 16.0,
        context: int = 9,
        first_audio: Audio | None = None,
        second_audio: Audio | None = None,
    ) -> io.NodeOutput:
        """Place both clips."""
        one = clip_of(first, vae)
        two = clip_of(second, vae, Size(*one.shape[1:3]))
        made = connected(one, two, frames, fps, context=context, compression=compression_of(vae))
        made = sounding(made, first_audio, 0, len(one))
        made = sounding(made, second_audio, len(one) + frames, len(two))
        return io.NodeOutput(to_latent(made, vae))


class SpacetimeCloseLoop(io.ComfyNode):
    """Generate a transition from a clip's end back to its beginning."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeCloseLoop",
            display_name="Close Loop (Existing Clip)",
            category=CATEGORY,
            description="Turns an existing clip into an endless loop by generating a transition "
            "from its last frame back to its first. To generate a whole loop, use Seamless Loop.",
            **search_words("loop video", "seamless loop", "endless", "cinemagraph"),
            inputs=[
                _clip_input("images", "The clip to close."),
                vae_input(),
                frames_input("Length of the transition in frames; it follows the clip."),
                fps_of_clips(),
                context_input(),
                audio_input(),
            ],
            outputs=[timeline_output()],
        )

    @classmethod
    def execute(
        cls,
        images: Tensor,
        vae: Any,
        frames: int = 16,
        fps: float = 16.0,
        context: int = 9,
        audio: Audio | None = None,
    ) -> io.NodeOutput:
        """Place the clip before and after the transition."""
        clip = clip_of(images, vae)
        made = closed(clip, frames, fps, context=context, compression=compression_of(vae))
        return io.NodeOutput(to_latent(sounding(made, audio, 0, len(clip)), vae))


NODES: list[type[Any]] = [
    SpacetimeAnimateImage,
    SpacetimeExtendForward,
    SpacetimeExtendBackward,
    SpacetimeConnectClips,
    SpacetimeCloseLoop,
]
