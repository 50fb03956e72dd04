"""Fit Video: fit a clip to a size, length and frame rate that the model takes."""

from typing import Any, get_args

from torch import Tensor

from ...hosts import host, io
from ...media.fit import How, Size, fit_clip, retimed
from ...models.shapes import LatentShape
from ..helpers.search import search_words
from ..helpers.size_inputs import FPS
from ..helpers.sizes import steps_of
from ..latent.latents import EMPTY


class SpacetimeFitVideo(io.ComfyNode):
    """Resize, crop or pad, trim and retime a clip."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeFitVideo",
            display_name="Fit Video (Size, Length, FPS)",
            category="Spacetime/Video",
            description="Fits any clip to a size, length and frame rate that the model takes. A "
            "clip that fits already stays unchanged.",
            **search_words(
                "resize video", "crop video", "pad video", "trim video", "change frame rate",
                "retime", "force rate", "4n+1 frames", "outpaint",
            ),
            inputs=[
                io.Image.Input("images", tooltip="The clip's frames, from Get Video Components."),
                *form_inputs(),
                *_timing(),
                *_others(),
            ],
            outputs=[
                io.Image.Output(display_name="IMAGE", tooltip="The frames, for Encode Video."),
                io.Mask.Output(
                    display_name="MASK",
                    tooltip="The given mask, fitted like the frames, and 1 in bars and held "
                    "frames.",
                ),
                io.Float.Output(display_name="fps", tooltip="Frames per second of the result."),
                io.Int.Output(display_name="width", tooltip="Width of the result, for Empty "
                "Video."),
                io.Int.Output(display_name="height", tooltip="Height of the result, for Empty "
                "Video."),
                io.Int.Output(display_name="frames", tooltip="Number of frames of the result, for "
                "Empty Video."),
            ],
        )  # fmt: skip

    @classmethod
    def execute(
        cls,
        images: Tensor,
        width: int = 0,
        height: int = 0,
        frames: int = 0,
        how: How = "crop",
        fps: float = FPS,
        new_fps: float = 0.0,
        start: int = 0,
        mask: Tensor | None = None,
        vae: Any = None,
        latent: dict[str, Any] | None = None,
    ) -> io.NodeOutput:
        """Fit the clip."""
        if start >= len(images):
            raise ValueError(
                f"start={start}: the clip has {len(images)} frames; use a smaller number"
            )
        form = EMPTY if vae is None else host().models.vae_format(vae)
        wanted, rate = Size(height, width), new_fps or fps
        if latent is not None:
            frames, *sides = form.compression.video_shape(_shape(latent["samples"]))
            wanted, rate = Size(*sides), new_fps or float(latent.get("fps", fps))
        steps = steps_of(form)
        kept = [start + number for number in retimed(len(images) - start, fps, rate)]
        clip, marks = fit_clip(
            images,
            mask,
            kept,
            steps.length(frames or len(kept)),
            steps.sides(Size(*images.shape[1:3]), wanted, how),
            how,
            scaled=any(wanted),
        )
        length, rows, columns = clip.shape[:3]
        return io.NodeOutput(clip, marks, float(rate), columns, rows, length)


def _shape(samples: Tensor) -> LatentShape:
    if samples.ndim != 5:
        raise ValueError(
            f"a latent of shape {tuple(samples.shape)} is not a video latent (batch, channels, "
            "frames, rows, columns): use Empty Video"
        )
    return LatentShape(*samples.shape[2:])


def form_inputs() -> list[Any]:
    """Inputs for the size and length to fit a clip to."""
    return [
        io.Int.Input(
            "width",
            default=0,
            min=0,
            max=8192,
            step=16,
            tooltip="Width in pixels, rounded to the nearest that fits. 0 derives it from the "
            "height; if both are 0, the clip keeps its own size.",
        ),
        io.Int.Input(
            "height",
            default=0,
            min=0,
            max=8192,
            step=16,
            tooltip="Height in pixels, rounded to the nearest that fits. 0 derives it from the "
            "width; if both are 0, the clip keeps its own size.",
        ),
        io.Int.Input(
            "frames",
            default=0,
            min=0,
            max=8193,
            tooltip="Length in frames, cut to 1 + a multiple of 4. 0 keeps the clip's length; "
            "beyond its end the last frame is held.",
        ),
        io.Combo.Input(
            "how",
            options=list(get_args(How)),
            default="crop",
            tooltip="crop cuts off the excess on both sides, pad adds black bars, stretch changes "
            "the aspect ratio.",
        ),
    ]


def _timing() -> list[Any]:
    return [
        io.Float.Input(
            "fps",
            default=FPS,
            min=0.01,
            max=1000.0,
            step=0.01,
            tooltip="Frames per second of the clip, from Get Video Components.",
        ),
        io.Float.Input(
            "new_fps",
            default=0.0,
            min=0.0,
            max=1000.0,
            step=0.01,
            tooltip="Frames per second of the result: frames are dropped or repeated to keep the "
            "duration. 0 keeps the clip's rate.",
        ),
        io.Int.Input(
            "start",
            default=0,
            min=0,
            max=1_000_000,
            tooltip="Frames to skip at the beginning of the clip.",
        ),
    ]


def _others() -> list[Any]:
    return [
        io.Mask.Input(
            "mask",
            optional=True,
            tooltip="One mask for all frames, or one per frame; it is fitted with them.",
        ),
        io.Vae.Input(
            "vae",
            optional=True,
            tooltip="The VAE whose sizes and lengths to fit; without one, multiples of 16 pixels "
            "and 1 + a multiple of 4 frames.",
        ),
        io.Latent.Input(
            "latent",
            optional=True,
            tooltip="A latent whose size, length and frame rate to match instead of width, height "
            "and frames.",
        ),
    ]


NODES: list[type[Any]] = [SpacetimeFitVideo]
