"""ComfyUI's own prompt, VAE and model nodes for the standalone host: same ids and sockets."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from torch import Tensor

from ...model_loaders.lora import read_lora
from ...model_loaders.text import TextEncoder
from ...models.shapes import VideoShape
from .. import host
from ..solver_options import is_distilled
from . import io
from .preview import LoadedVAE
from .sampling import Model


class CLIPTextEncode(io.ComfyNode):
    """Encodes a prompt as CONDITIONING."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """As in ComfyUI, with the text first."""
        return io.Schema(
            node_id="CLIPTextEncode",
            display_name="CLIP Text Encode (Prompt)",
            category="conditioning",
            description="Encodes a prompt, in which (words:1.3) weigh more and (words:0.7) less.",
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
        return io.NodeOutput(host().models.encode_prompt(clip, text))


class VAEEncode(io.ComfyNode):
    """Encodes frames to a LATENT."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """As in ComfyUI."""
        return io.Schema(
            node_id="VAEEncode",
            display_name="VAE Encode",
            category="latent",
            description="Encodes frames; sides are cropped to fit the VAE.",
            inputs=[
                io.Image.Input("pixels", tooltip="The frames of one clip."),
                io.Vae.Input("vae", tooltip="The VAE."),
            ],
            outputs=[io.Latent.Output(tooltip="The encoded clip.")],
        )

    @classmethod
    def execute(cls, pixels: Tensor, vae: LoadedVAE) -> io.NodeOutput:
        """Crop the frames to fit the VAE, and encode them."""
        return io.NodeOutput({"samples": host().models.encode_video(vae, encodable(vae, pixels))})


class VAEDecode(io.ComfyNode):
    """Decodes a LATENT to frames."""

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
        return io.NodeOutput(host().models.decode_video(vae, samples["samples"]))


class ModelSamplingSD3(io.ComfyNode):
    """Sets the shift of a model's noise levels."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """As in ComfyUI."""
        return io.Schema(
            node_id="ModelSamplingSD3",
            display_name="ModelSamplingSD3",
            category="advanced/model",
            inputs=[
                io.Model.Input("model", tooltip="The diffusion model."),
                io.Float.Input(
                    "shift",
                    default=3.0,
                    min=0.0,
                    max=100.0,
                    step=0.01,
                    tooltip="Where the model's own schedules place their steps; 1 spaces evenly.",
                ),
            ],
            outputs=[io.Model.Output()],
        )

    @classmethod
    def execute(cls, model: Model, shift: float) -> io.NodeOutput:
        """Set the shift, replacing any earlier one."""
        if shift == 0:
            raise ValueError("a shift of 0 leaves no noise to remove: use 1 for no shift")
        return io.NodeOutput(replace(model, shift=shift))


class LoraLoaderModelOnly(io.ComfyNode):
    """Applies a LoRA of the models folder to a model."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """As in ComfyUI, with the folder's files."""
        return io.Schema(
            node_id="LoraLoaderModelOnly",
            display_name="LoraLoaderModelOnly",
            category="loaders",
            inputs=[
                io.Model.Input("model", tooltip="The diffusion model."),
                io.Combo.Input(
                    "lora_name",
                    options=host().files.model_files("loras"),
                    tooltip="The LoRA's file.",
                ),
                io.Float.Input(
                    "strength_model",
                    default=1.0,
                    min=-100.0,
                    max=100.0,
                    step=0.01,
                    tooltip="How much it changes the model.",
                ),
            ],
            outputs=[io.Model.Output()],
        )

    @classmethod
    def validate_inputs(cls, lora_name: str | None) -> bool | str:
        """Reject a missing file before the graph runs."""
        if lora_name is None:
            return True
        try:
            host().files.model_path("loras", lora_name)
        except FileNotFoundError as error:
            return f"{error}; the pack's own LoRAs are in Load Video LoRA (SpacetimeLoadLora)"
        return True

    @classmethod
    def execute(cls, model: Model, lora_name: str, strength_model: float) -> io.NodeOutput:
        """Read the file for this model, and merge it."""
        if strength_model == 0:
            return io.NodeOutput(model)
        path = host().files.model_path("loras", lora_name)
        lora = read_lora(path, host().models.weight_shapes(model))
        told = is_distilled(lora.info)
        changed = host().models.with_lora(
            model, lora.patches, strength_model, live=False, distilled=told
        )
        return io.NodeOutput(changed)


def encodable(vae: LoadedVAE, pixels: Tensor) -> Tensor:
    """Crop frames (F, H, W, C) to a size and a length that the VAE takes; warn of dropped frames.

    Raises:
        ValueError: nothing would be left.
    """
    compression = host().models.vae_format(vae).compression
    frames = compression.fitting_frames(len(pixels))
    if frames < len(pixels):
        host().session.warn(compression.left_out(len(pixels)))
    cropped = crop_sides(pixels[:frames], multiple=compression.space)
    compression.check(VideoShape(*cropped.shape[:3]))
    return cropped


def crop_sides(pixels: Tensor, *, multiple: int) -> Tensor:
    """Crop frames (F, H, W, C) to their centre, with both sides multiples of a number."""
    for axis in (1, 2):
        extra = pixels.shape[axis] % multiple
        pixels = pixels.narrow(axis, extra // 2, pixels.shape[axis] - extra)
    return pixels


NODES = [CLIPTextEncode, VAEEncode, VAEDecode, ModelSamplingSD3, LoraLoaderModelOnly]
