"""Latent formats of the host's VAEs, and encoding with them."""
# pyright: reportMissingImports=false

from typing import Any

from torch import Tensor

from ...media import FrameStream, whole_frames
from ...models.latent_format import LatentFormat
from .loops import encode_loop


def format_of(vae: Any) -> LatentFormat:
    """Return the channels and compression; an image VAE keeps every frame."""
    return LatentFormat(
        channels=vae.latent_channels,
        time_factor=vae.temporal_compression_decode() or 1,
        space_factor=vae.spacial_compression_encode(),
    )


def encode_video(vae: Any, images: Tensor | FrameStream, *, loop: bool = False) -> Tensor:
    """Encode frames (F, H, W, 3 or more) in [0, 1]; see ``Models.encode_video``."""
    if loop:
        return encode_loop(vae, images, format_of(vae).compression)
    return vae.encode(whole_frames(images)[..., :3])
