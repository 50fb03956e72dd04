"""ComfyUI's own prompt and VAE nodes for the standalone host: same ids, inputs and outputs."""

import logging
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from ...model_loaders.text import TextEncoder
from .. import host
from ..frames import check_frames
from . import io
from .host import LoadedVAE

logger = logging.getLogger(__name__)


class CLIPTextEncode(io.ComfyNode):
    """A prompt -> CONDITIONING."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Text first, as in ComfyUI."""
        return io.Schema(
            node_id="CLIPTextEncode",
            display_name="CLIP Text Encode (Prompt)",
            category="conditioning",
            description="Encodes a prompt; brackets and weights in it are read as plain text.",
            inputs=[
                io.String.Input(
                    "text", multiline=True, dynamic_prompts=True, tooltip="The prompt."
                ),
                io.Clip.Input("clip", tooltip="The text encoder."),
            ],
            outputs=[io.Conditioning.Output(tooltip="The encoded prompt.")],
        )

    @classmethod
    def execute(cls, text: str, clip: TextEncoder) -> io.NodeOutput:
        """Encode the text."""
        if "(" in text:
            logger.warning("weights in brackets are not followed in this prompt: %r", text)
        return io.NodeOutput(host().encode_prompt(clip, text))


class VAEEncode(io.ComfyNode):
    """Frames -> LATENT."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """As in ComfyUI."""
        return io.Schema(
            node_id="VAEEncode",
            display_name="VAE Encode",
            category="latent",
            description="Encodes frames; sides that do not fit the VAE are cropped.",
            inputs=[
                io.Image.Input("pixels", tooltip="The frames of one clip."),
                io.Vae.Input("vae", tooltip="The VAE."),
            ],
            outputs=[io.Latent.Output(tooltip="The encoded clip.")],
        )

    @classmethod
    def execute(cls, pixels: Tensor, vae: LoadedVAE) -> io.NodeOutput:
        """Crop to the middle and encode."""
        cropped = crop_sides(pixels, multiple=vae.network.space_factor)
        check_frames(cropped, host().vae_format(vae))
        return io.NodeOutput({"samples": host().encode_video(vae, cropped)})


class VAEDecode(io.ComfyNode):
    """LATENT -> frames."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """As in ComfyUI."""
        return io.Schema(
            node_id="VAEDecode",
            display_name="VAE Decode",
            category="latent",
            description="Decodes a latent to frames.",
            inputs=[
                io.Latent.Input("samples", tooltip="The latent."),
                io.Vae.Input("vae", tooltip="The VAE."),
            ],
            outputs=[io.Image.Output(tooltip="The frames.")],
        )

    @classmethod
    def execute(cls, samples: Mapping[str, Any], vae: LoadedVAE) -> io.NodeOutput:
        """Decode the samples."""
        return io.NodeOutput(host().decode_video(vae, samples["samples"]))


class SetLatentNoiseMask(io.ComfyNode):
    """LATENT and a mask -> LATENT of which only the masked places are made."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """As in ComfyUI."""
        return io.Schema(
            node_id="SetLatentNoiseMask",
            display_name="Set Latent Noise Mask",
            category="latent/inpaint",
            description="Marks what of a latent is made anew; the rest stays.",
            inputs=[
                io.Latent.Input("samples", tooltip="The latent."),
                io.Mask.Input("mask", tooltip="1 where something is made; see Sample's help."),
            ],
            outputs=[io.Latent.Output(tooltip="The latent with its mask.")],
        )

    @classmethod
    def execute(cls, samples: Mapping[str, Any], mask: Tensor) -> io.NodeOutput:
        """Carry the mask along."""
        marks = mask.reshape(-1, 1, *mask.shape[-2:])
        return io.NodeOutput({**samples, "noise_mask": marks})


def crop_sides(pixels: Tensor, *, multiple: int) -> Tensor:
    """Keep the middle of frames (F, H, W, C), with both sides multiples of a number."""
    for axis in (1, 2):
        extra = pixels.shape[axis] % multiple
        pixels = pixels.narrow(axis, extra // 2, pixels.shape[axis] - extra)
    return pixels


NODES = [CLIPTextEncode, VAEEncode, VAEDecode, SetLatentNoiseMask]
