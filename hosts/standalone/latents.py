"""What a run makes of a LATENT: its channels and frames, its mask, and what the network sees.

B batch, C channels, F frames, H rows, W columns.
"""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from ...models.latent_format import LatentFormat
from ...models.shapes import Compression
from ...samplers.checks import check_channels
from ...samplers.masks import latent_mask


def fit_empty(samples: Tensor, *, channels: int) -> Tensor:
    """Give an image latent a frame axis, and zeros the model's channels: (B, C, F, H, W)."""
    if samples.ndim == 4:
        samples = samples.unsqueeze(2)
    if samples.shape[1] != channels and not samples.any():
        samples = samples.new_zeros(len(samples), channels, *samples.shape[2:])
    return samples


def check_latent(samples: Tensor, *, channels: int) -> None:
    """Refuse samples that are not a video latent of the model.

    Raises:
        ValueError: they have other axes than (B, C, F, H, W), or other channels.
    """
    if samples.ndim != 5:
        raise ValueError(
            f"a latent of shape {tuple(samples.shape)}: a video latent (batch, channels, "
            "frames, rows, columns) is needed"
        )
    check_channels(samples, channels)


def normalised(samples: Tensor, latent: LatentFormat) -> Tensor:
    """What the network sees of samples; all zeros stand for nothing and stay zeros."""
    check_latent(samples, channels=latent.channels)
    return latent.normalise(samples) if samples.any() else samples


def mask_of(latent: Mapping[str, Any], samples: Tensor, compression: Compression) -> Tensor | None:
    """The noise mask of a LATENT in its places (B, F, H, W); None where all of it is made."""
    mask = latent.get("noise_mask")
    if mask is None:
        return None
    made = latent_mask(mask, samples, compression.time)
    return None if (made == 1).all() else made
