"""Fit Video: an artist's clip at a size, length and frame rate that the model takes."""

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
    """A clip resized, cropped or padded, trimmed and re-timed."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeFitVideo",
            display_name="Fit Video (Size, Length, FPS)",
            category="Spacetime/Video",
            description="Brings any clip to a size, length and frame rate that the model takes. "
            "What fits already is left as it is.",
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
                    tooltip="The given mask in the same form, and 1 in bars and held frames.",
                ),
                io.Float.Output(display_name="fps", tooltip="Frames per second of the result."),
                io.Int.Output(display_name="width", tooltip="Its width, for Empty Video."),
                io.Int.Output(display_name="height", tooltip="Its height, for Empty Video."),
                io.Int.Output(display_name="frames", tooltip="Its length, for Empty Video."),
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
            raise ValueError(f"start={start}: the clip has {len(images)} frames; use fewer")
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
    """Size and length that a clip is fitted to."""
    return [
        io.Int.Input(
            "width",
            default=0,
            min=0,
            max=8192,
            step=16,
            tooltip="Width in pixels, rounded to what fits. 0 follows from the height, or is the "
            "clip's own.",
        ),
        io.Int.Input(
            "height",
            default=0,
            min=0,
            max=8192,
            step=16,
            tooltip="Height in pixels, rounded to what fits. 0 follows from the width, or is the "
            "clip's own.",
        ),
        io.Int.Input(
            "frames",
            default=0,
            min=0,
            max=8193,
            tooltip="Length in frames, cut to 1 + a multiple of 4. 0 is the clip's; a longer one "
            "holds the last frame.",
        ),
        io.Combo.Input(
            "how",
            options=list(get_args(How)),
            default="crop",
            tooltip="crop cuts off what is too long on either side, pad puts black bars around, "
            "stretch changes the shape.",
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
            tooltip="Frames per second of the result: frames are left out or repeated, so that it "
            "lasts as long. 0 keeps the clip's.",
        ),
        io.Int.Input(
            "start",
            default=0,
            min=0,
            max=1_000_000,
            tooltip="Frames of the clip that are left out at its beginning.",
        ),
    ]


def _others() -> list[Any]:
    return [
        io.Mask.Input(
            "mask",
            optional=True,
            tooltip="A mask for all frames, or one for each, which is fitted with them.",
        ),
        io.Vae.Input(
            "vae",
            optional=True,
            tooltip="The VAE whose sizes and lengths are to fit; without it multiples of 16, and 1 "
            "+ a multiple of 4 frames.",
        ),
        io.Latent.Input(
            "latent",
            optional=True,
            tooltip="A latent whose size, length and frame rate the clip is to have, in place of "
            "width, height and frames.",
        ),
    ]


NODES: list[type[Any]] = [SpacetimeFitVideo]
