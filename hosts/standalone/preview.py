"""Previews of clips in progress.

C channels, F frames, H rows, W columns.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch
from einops import rearrange
from torch import Tensor

from ...media.strip import film_strips
from ...models.latent_format import LatentFormat
from ...models.vae.network import VideoVAE
from ..keys import CLIPS_SHOWN

STRIP_FRAMES, STRIP_HEIGHT = 6, 96
"""Frames of a preview, and their height in pixels."""


@dataclass(frozen=True, eq=False)
class LoadedVAE:
    """VAE: a video VAE, with its device and dtype."""

    network: VideoVAE
    device: torch.device
    dtype: torch.dtype


def strip_maker(
    latent: LatentFormat, vaes: Iterable[LoadedVAE]
) -> Callable[[Sequence[Tensor]], Tensor | None]:
    """Return a function that draws normalised clips (C, F, H, W) as film strips in one image.

    Args:
        latent: with its map to colours; a family without one shows one decoded frame.
        vaes: the VAEs in use, one of which may decode this family.
    """

    def draw(clips: Sequence[Tensor]) -> Tensor | None:
        pictures = [_pictures(latent, clip, vaes) for clip in clips[:CLIPS_SHOWN]]
        shown = [picture.float().cpu() for picture in pictures if picture is not None]
        return film_strips(shown, STRIP_FRAMES, height=STRIP_HEIGHT) if shown else None

    return draw


def _pictures(latent: LatentFormat, clip: Tensor, vaes: Iterable[LoadedVAE]) -> Tensor | None:
    quick = latent.preview(clip)
    if quick is not None:
        return quick
    fitting = [vae for vae in vaes if vae.network.config.z_channels == latent.channels]
    return _first_frame(latent.denormalise(clip[None, :, :1]), fitting[-1]) if fitting else None


@torch.inference_mode()
def _first_frame(raw: Tensor, vae: LoadedVAE) -> Tensor:
    """Decode a latent (1, C, 1, H, W), as a causal VAE can do for a single frame: (1, H, W, 3)."""
    frame = vae.network.decode(raw.to(vae.device, vae.dtype))
    return rearrange(frame, "1 C 1 H W -> 1 H W C").add(1).div(2).clamp(0, 1)
