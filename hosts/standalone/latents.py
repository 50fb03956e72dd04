"""Preparing a LATENT for a run: channels and frames, mask, and input channels of the network.

B batch, C channels, F frames, H rows, W columns.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ...models.latent_format import LatentFormat
from ...models.shapes import Compression, LatentShape
from ...samplers.checks import check_channels
from ...samplers.masks import latent_mask
from ..keys import START_LATENT_KEY, START_MASK_KEY


def fit_empty(samples: Tensor, *, channels: int) -> Tensor:
    """Return (B, C, F, H, W): an image latent gets a frame axis, zeros the model's channels."""
    if samples.ndim == 4:
        samples = samples.unsqueeze(2)
    if samples.shape[1] != channels and not samples.any():
        samples = samples.new_zeros(len(samples), channels, *samples.shape[2:])
    return samples


def check_latent(samples: Tensor, *, channels: int) -> None:
    """Check that samples are a video latent of the model.

    Raises:
        ValueError: the axes are not (B, C, F, H, W), or the channels not the model's.
    """
    if samples.ndim != 5:
        raise ValueError(
            f"got a latent of shape {tuple(samples.shape)}: a video latent (batch, channels, "
            "frames, rows, columns) is needed"
        )
    check_channels(samples, channels)


def normalised(samples: Tensor, latent: LatentFormat) -> Tensor:
    """Normalise samples for the network; all zeros mean that nothing is given and stay zeros."""
    check_latent(samples, channels=latent.channels)
    return torch.where(samples.any(), latent.normalise(samples), samples)


def mask_of(latent: Mapping[str, Any], samples: Tensor, compression: Compression) -> Tensor | None:
    """Return a LATENT's noise mask in its places (B, F, H, W); None if all of it is generated."""
    mask = latent.get("noise_mask")
    if mask is None:
        return None
    made = latent_mask(mask, samples, compression.time)
    return None if (made == 1).all() else made


def start_channels(
    options: Mapping[str, Any], size: LatentShape, count: int, latent: LatentFormat
) -> Tensor | None:
    """Build the further input channels of an image-to-video network: a mask, then a latent.

    Args:
        options: of a conditioning; see ``START_LATENT_KEY``.
        size: of the clip.
        count: number of further channels; the result is None if it is 0.
        latent: format of the start image's latent.

    Returns:
        (B, count, F, H, W), with a mask of 1 where something is given.

    Raises:
        ValueError: the start image is missing, not supported, or not of the clip's size.
    """
    start = options.get(START_LATENT_KEY)
    if not count and start is not None:
        raise ValueError(
            "the conditioning carries a start image, which this model does not support: keep a "
            "frame of the latent with a noise mask (Set Latent Noise Mask)"
        )
    if not count:
        return None
    if start is None:
        raise ValueError(
            f"this is an image-to-video model with {count} further channels for a start image, "
            "but the conditioning carries none: use a text-to-video model, or run the graph in "
            "ComfyUI with WanImageToVideo"
        )
    mask = options.get(START_MASK_KEY)
    given = start.new_zeros(len(start), 1, *size) if mask is None else 1 - mask
    given = given.expand(-1, 4, *given.shape[2:])  # a mask for each frame behind a latent frame
    if start.shape[2:] != size or given.shape[2:] != size or start.shape[1] + 4 != count:
        raise ValueError(
            f"a start image of shape {tuple(start.shape)} with a mask {tuple(given.shape)} for a "
            f"clip of {tuple(size)} latent frames, rows and columns and a model with {count} "
            "channels for it: encode it at the clip's size and length, with the model's VAE"
        )
    return torch.cat([given.to(start), latent.normalise(start)], dim=1)
