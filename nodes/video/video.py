"""Encode Video and Decode Video: convert frames to latents and back with the causal VAE."""

from typing import Any

from torch import Tensor

from ...hosts import host, io
from ...models.latent_format import LatentFormat
from ..helpers.search import search_words
from ..helpers.size_inputs import FPS
from ..helpers.sizes import check_decoded, check_frames


class SpacetimeEncodeVideo(io.ComfyNode):
    """Encode frames to a latent."""

    takes_streams = frozenset({"images"})

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeEncodeVideo",
            display_name="Encode Video",
            category="Spacetime/Video",
            description="Encodes frames with the causal video VAE. One frame is an image.",
            **search_words("vae encode", "video to latent", "image to latent"),
            inputs=[
                io.Image.Input(
                    "images",
                    tooltip="The frames: 1 + a multiple of 4; one frame is an image. Fit Video "
                    "makes any clip fit.",
                ),
                io.Vae.Input("vae", tooltip="The VAE that belongs to the model, from Load Models."),
                io.Float.Input(
                    "fps",
                    default=FPS,
                    min=1.0,
                    max=120.0,
                    step=0.01,
                    tooltip="Frames per second of the clip, stored in the latent.",
                ),
            ],
            outputs=[
                io.Latent.Output(
                    display_name="LATENT", tooltip="The encoded clip, for Sample or Patchify."
                )
            ],
        )

    @classmethod
    def execute(cls, images: Any, vae: Any, fps: float = FPS) -> io.NodeOutput:
        """Encode the frames."""
        check_frames(images, host().models.vae_format(vae))
        return io.NodeOutput({"samples": host().models.encode_video(vae, images), "fps": fps})


class SpacetimeDecodeVideo(io.ComfyNode):
    """Decode a latent to frames."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeDecodeVideo",
            display_name="Decode Video",
            category="Spacetime/Video",
            description="Decodes a latent with the causal video VAE.",
            **search_words("vae decode", "latent to video", "latent to image"),
            inputs=[
                io.Latent.Input(
                    "latent",
                    display_name="encoded video",
                    tooltip="A video latent, from Sample or Unpatchify.",
                ),
                io.Vae.Input("vae", tooltip="The VAE that belongs to the model, from Load Models."),
            ],
            outputs=[
                io.Image.Output(display_name="IMAGE", tooltip="The frames."),
                io.Float.Output(display_name="fps", tooltip="Frames per second, for Create Video."),
            ],
        )

    @classmethod
    def execute(cls, latent: dict[str, Any], vae: Any) -> io.NodeOutput:
        """Decode the samples."""
        form, loop = host().models.vae_format(vae), bool(latent.get("loop"))
        check_latent(latent["samples"], form)
        check_decoded(form, latent["samples"], loop=loop)
        images = host().models.decode_video(vae, latent["samples"], loop=loop)
        return io.NodeOutput(images, float(latent.get("fps", FPS)))


def check_latent(samples: Tensor, latent: LatentFormat) -> None:
    """Reject samples that are not (B, C, F, H, W), or (B, C, H, W) of an image VAE."""
    image_vae = latent.time_factor == 1
    if samples.ndim not in ((4, 5) if image_vae else (5,)) or samples.shape[1] != latent.channels:
        raise ValueError(
            f"got a latent of shape {tuple(samples.shape)}, but this VAE decodes (batch, "
            f"{latent.channels}, frames, rows, columns): use the VAE of the model that generated it"
        )


NODES: list[type[Any]] = [SpacetimeEncodeVideo, SpacetimeDecodeVideo]
