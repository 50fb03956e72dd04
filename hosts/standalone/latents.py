"""What a run makes of a LATENT: its channels and frames, its mask, and what the network sees.

B batch, C channels, F frames, H rows, W columns.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from ...models.latent_format import LatentFormat
from ...models.shapes import Compression
from ...samplers.checks import check_channels
from ...samplers.denoiser import broadcast_sigma, to_denoised, to_velocity
from ...samplers.masks import latent_mask
from ...samplers.runs import Evaluation, RunDenoiser, SamplingRun, Wrapper


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
    """The noise mask of a LATENT in its places (B, 1, F, H, W); None where all of it is made."""
    mask = latent.get("noise_mask")
    if mask is None:
        return None
    made = latent_mask(mask, samples, compression.time)[:, None]
    return None if (made == 1).all() else made


def hold_masked(mask: Tensor, noise: Tensor, given: Tensor) -> Wrapper:
    """Keep what a noise mask leaves out, as ComfyUI does; the wrapper goes around all others.

    A network that takes a noise level per place sees kept places clean, at their level; any other
    sees them as noisy as the rest.

    Args:
        mask: (B, 1, F, H, W), 1 where something is made.
        noise: that the run starts from.
        given: what it starts from, normalised.
    """

    def wrapper(denoiser: RunDenoiser, run: SamplingRun) -> RunDenoiser:
        def held(x: Tensor, at: Evaluation) -> Tensor:
            kept = given
            if run.takes_levels:
                at = replace(at, places=mask[:, 0] * at.levels_like(mask[:, 0]))
            else:
                kept = torch.lerp(given, noise, broadcast_sigma(at.sigma, given))
            x = torch.lerp(kept, x, mask)
            x0 = denoiser(x, at)
            if at.places is not None:  # of a place that is kept in part, ComfyUI's x0 is the run's
                x0 = to_denoised(x, to_velocity(x, x0, at.places), at.sigma)
            return torch.lerp(given, x0, mask)

        return held

    return wrapper
