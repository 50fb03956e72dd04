"""Loops for any of the host's VAEs, which only support open clips."""

from typing import Any

from torch import Tensor

from ...media import FrameStream, led_in, whole_frames
from ...models.shapes import Compression, VideoShape
from ...models.vae import circle
from ...models.vae.config import WAN21_VAE, VAEConfig
from .vae import HostVAE


def encode_loop(vae: Any, images: Tensor | FrameStream, compression: Compression) -> Tensor:
    """Encode frames (F, H, W, 3) in [0, 1] to a raw latent; see ``Models.encode_video``."""
    if compression.time == 1:
        return vae.encode(whole_frames(images)[..., :3])
    compression.check(VideoShape(*images.shape[:3]), loop=True)
    lead = 1 + compression.time * circle.encoder_lead(causal_config(vae))
    latent = vae.encode(led_in(images, lead).whole()[..., :3])
    return latent[:, :, -(len(images) // compression.time) :]


def decode_loop(vae: Any, latent: Tensor, compression: Compression) -> Tensor:
    """Decode a raw latent (B, C, F, H, W) to (B, F, H, W, 3); see ``Models.decode_video``."""
    if compression.time == 1:
        return vae.decode(latent)
    images = vae.decode(circle.led_in(latent, circle.decoder_lead(causal_config(vae))))
    return images[..., -compression.time * latent.shape[2] :, :, :, :]


def causal_config(vae: Any) -> VAEConfig:
    """Return the config of a pack VAE, or else that of Wan's VAE: no other looks back further."""
    return vae.first_stage_model.config if isinstance(vae, HostVAE) else WAN21_VAE
