"""ComfyUI's own nodes that create and change latents, for the standalone host."""

from collections.abc import Mapping
from math import prod
from typing import Any

import torch
from torch import Tensor

from ...media import check_pixels, check_room
from ...models.latent_format import WAN22_LATENT
from .. import host
from . import io
from .preview import LoadedVAE
from .stock_frames import LARGEST_SIDE, scaled
from .stock_models import encodable

MOST_ROWS = 4096

_FLOAT = 4


def _sizes(width: int, height: int, step: int, least: int = 16) -> list[io.Input]:
    return [
        io.Int.Input(
            name, default=size, min=least, max=LARGEST_SIDE, step=step, tooltip=f"{what} in pixels."
        )
        for name, size, what in (("width", width, "Width"), ("height", height, "Height"))
    ]


def _length(default: int) -> io.Int.Input:
    return io.Int.Input(
        "length", default=default, min=1, max=LARGEST_SIDE, step=4, tooltip="Frames: 1, 5, 9 ..."
    )


def _batch_size() -> io.Int.Input:
    return io.Int.Input(
        "batch_size", default=1, min=1, max=MOST_ROWS, tooltip="Number to generate at once."
    )


def _frames(length: int) -> int:
    return (length - 1) // 4 + 1


def _zeros(*shape: int) -> Tensor:
    """Return zeros of a shape, after checking that they fit into memory."""
    check_room(prod(shape) * _FLOAT, f"a latent of {' x '.join(map(str, shape))} numbers")
    return torch.zeros(shape)


class EmptyLatentImage(io.ComfyNode):
    """Creates an empty image latent."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """As in ComfyUI."""
        return io.Schema(
            node_id="EmptyLatentImage",
            display_name="Empty Latent Image",
            category="latent",
            description="Creates an empty latent; sampling nodes fit it to their model.",
            inputs=[*_sizes(512, 512, 8), _batch_size()],
            outputs=[io.Latent.Output(tooltip="The empty latent.")],
        )

    @classmethod
    def execute(cls, width: int, height: int, batch_size: int = 1) -> io.NodeOutput:
        """Return zeros (B, 4, H, W)."""
        check_pixels(batch_size, height, width)
        return io.NodeOutput({"samples": _zeros(batch_size, 4, height // 8, width // 8)})


class EmptySD3LatentImage(io.ComfyNode):
    """Creates an empty image latent with 16 channels."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """As in ComfyUI."""
        return io.Schema(
            node_id="EmptySD3LatentImage",
            display_name="EmptySD3LatentImage",
            category="latent/sd3",
            inputs=[*_sizes(1024, 1024, 16), _batch_size()],
            outputs=[io.Latent.Output()],
        )

    @classmethod
    def execute(cls, width: int, height: int, batch_size: int = 1) -> io.NodeOutput:
        """Return zeros (B, 16, H, W)."""
        check_pixels(batch_size, height, width)
        return io.NodeOutput({"samples": _zeros(batch_size, 16, height // 8, width // 8)})


class EmptyHunyuanLatentVideo(io.ComfyNode):
    """Creates an empty video latent with 16 channels."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """As in ComfyUI."""
        return io.Schema(
            node_id="EmptyHunyuanLatentVideo",
            display_name="EmptyHunyuanLatentVideo",
            category="latent/video",
            inputs=[*_sizes(848, 480, 16), _length(25), _batch_size()],
            outputs=[io.Latent.Output()],
        )

    @classmethod
    def execute(cls, width: int, height: int, length: int, batch_size: int = 1) -> io.NodeOutput:
        """Return zeros (B, 16, F, H, W)."""
        check_pixels(batch_size * length, height, width)
        shape = (batch_size, 16, _frames(length), height // 8, width // 8)
        return io.NodeOutput({"samples": _zeros(*shape)})


class Wan22ImageToVideoLatent(io.ComfyNode):
    """Creates a latent for Wan 2.2 5B that may begin with an image."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """As in ComfyUI."""
        return io.Schema(
            node_id="Wan22ImageToVideoLatent",
            display_name="Wan22ImageToVideoLatent",
            category="conditioning/inpaint",
            inputs=[
                io.Vae.Input("vae", tooltip="The VAE of Wan 2.2 5B."),
                *_sizes(1280, 704, 32, least=32),
                _length(49),
                _batch_size(),
                io.Image.Input("start_image", optional=True, tooltip="How the clip begins."),
            ],
            outputs=[io.Latent.Output()],
        )

    @classmethod
    def execute(
        cls,
        vae: LoadedVAE,
        width: int,
        height: int,
        length: int,
        batch_size: int = 1,
        start_image: Tensor | None = None,
    ) -> io.NodeOutput:
        """Return the encoded start, followed by the mean, and a mask of the part to generate."""
        check_pixels(batch_size * length, height, width)
        shape = (WAN22_LATENT.channels, _frames(length), height // 16, width // 16)
        if start_image is None:  # ComfyUI, too, then ignores the batch size
            return io.NodeOutput({"samples": _zeros(1, *shape)})
        made = host().models.vae_format(vae)
        if made.channels != WAN22_LATENT.channels:
            raise ValueError(
                f"got a VAE of {made.channels} channels: Wan22ImageToVideoLatent needs the VAE of "
                "Wan 2.2 5B; use Encode Video and Set Latent Noise Mask for other models"
            )
        frames = scaled(start_image[:length], width, height, "bilinear", "center")
        begin = host().models.encode_video(vae, encodable(vae, frames))
        samples = WAN22_LATENT.denormalise(_zeros(1, *shape))
        samples[:, :, : begin.shape[2]] = begin
        mask = torch.ones(1, 1, *shape[1:])
        mask[:, :, : begin.shape[2]] = 0
        latent = {"samples": samples, "noise_mask": mask}
        return io.NodeOutput({key: _repeated(value, batch_size) for key, value in latent.items()})


class SetLatentNoiseMask(io.ComfyNode):
    """Marks the part of a LATENT to regenerate."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """As in ComfyUI."""
        return io.Schema(
            node_id="SetLatentNoiseMask",
            display_name="Set Latent Noise Mask",
            category="latent/inpaint",
            inputs=[
                io.Latent.Input("samples", tooltip="The latent."),
                io.Mask.Input("mask", tooltip="1 where it is regenerated, 0 where it stays."),
            ],
            outputs=[io.Latent.Output()],
        )

    @classmethod
    def execute(cls, samples: Mapping[str, Any], mask: Tensor) -> io.NodeOutput:
        """Add the mask (F, 1, H, W) to the latent."""
        return io.NodeOutput({**samples, "noise_mask": mask.reshape(-1, 1, *mask.shape[-2:])})


class RepeatLatentBatch(io.ComfyNode):
    """Repeats a LATENT along the batch."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """As in ComfyUI."""
        return io.Schema(
            node_id="RepeatLatentBatch",
            display_name="Repeat Latent Batch",
            category="latent/batch",
            inputs=[
                io.Latent.Input("samples", tooltip="The latent."),
                io.Int.Input("amount", default=1, min=1, max=64, tooltip="Number of copies."),
            ],
            outputs=[io.Latent.Output()],
        )

    @classmethod
    def execute(cls, samples: Mapping[str, Any], amount: int) -> io.NodeOutput:
        """Repeat the samples, a mask of several rows, and the rows' numbers."""
        latent = {**samples, "samples": _repeated(samples["samples"], amount)}
        mask, rows = samples.get("noise_mask"), samples.get("batch_index")
        if mask is not None and len(mask) > 1:
            latent["noise_mask"] = _repeated(mask, amount)
        if rows is not None:
            offset = max(rows) - min(rows) + 1
            latent["batch_index"] = [row + turn * offset for turn in range(amount) for row in rows]
        return io.NodeOutput(latent)


def _repeated(values: Tensor, times: int) -> Tensor:
    check_room(values.nbytes * times, f"a latent of {len(values)} rows, {times} times,")
    return values.repeat(times, *[1] * (values.ndim - 1))


NODES = [
    EmptyLatentImage,
    EmptySD3LatentImage,
    EmptyHunyuanLatentVideo,
    Wan22ImageToVideoLatent,
    SetLatentNoiseMask,
    RepeatLatentBatch,
]
