"""Noise masks: how much of each place of a latent is regenerated, from 0 (nothing) to 1 (all).

B batch, C channels, F latent frames, H rows, W columns.
"""

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor


def per_latent_frame(mask: Tensor, frames: int, time_factor: int) -> Tensor:
    """Bring a noise mask to one mask for each latent frame.

    A latent frame that stands for several frames of the video is made where any of these is: kept
    is only what is kept in all of them.

    Args:
        mask: (N, h, w), (N, 1, h, w) or (B, 1, N, h, w) in any rows and columns. N is 1 for all
            frames, or that of the latent's or of the video's frames.
        frames: of the latent.
        time_factor: frames of the video behind each latent frame after the first.

    Returns:
        (B, 1, F, h, w), or (B, 1, 1, h, w) of one mask for all.

    Raises:
        ValueError: the mask has another number of frames.
    """
    if mask.ndim < 5:
        mask = mask.reshape(1, 1, -1, *mask.shape[-2:])
    count, whole = mask.shape[2], 1 + (frames - 1) * time_factor
    if count in (1, frames):
        return mask
    if count != whole:
        raise ValueError(
            f"a noise mask of {count} frames for a clip of {whole} frames ({frames} in the "
            "latent): use one mask for all, one for each latent frame or one for each frame of "
            "the video; the Fit Video node brings a clip and its mask to the same length"
        )
    groups = mask[:, :, 1:].unflatten(2, (frames - 1, time_factor))
    return torch.cat([mask[:, :, :1], groups.amax(3)], dim=2)


def free_frames(mask: Tensor, frames: int, time_factor: int) -> list[int]:
    """Numbers of the latent frames of which anything is made; see ``per_latent_frame``."""
    shown = per_latent_frame(mask, frames, time_factor).amax((0, 1, 3, 4)) > 0
    return shown.expand(frames).nonzero()[:, 0].tolist()


def latent_mask(mask: Tensor, samples: Tensor, time_factor: int) -> Tensor:
    """A noise mask in the places of a latent, as ComfyUI brings it there.

    Args:
        mask: see ``per_latent_frame``.
        samples: (B, C, F, H, W).
        time_factor: of the latent.

    Returns:
        (B, F, H, W) in [0, 1].
    """
    mask = per_latent_frame(mask.float(), samples.shape[2], time_factor)
    places = F.interpolate(mask, tuple(samples.shape[2:]), mode="trilinear")[:, 0]
    return places[torch.arange(len(samples)) % len(places)].clamp(0, 1)


def stretched(mask: Tensor, samples: Tensor) -> Tensor:
    """A noise mask of any number of frames, resized to a latent as ComfyUI's own samplers do it.

    Args:
        mask: (N, h, w), (N, 1, h, w) or (B, 1, N, h, w).
        samples: (B, C, F, H, W).

    Returns:
        (B, 1, F, H, W), or (1, 1, F, H, W).
    """
    if mask.ndim < 5:
        mask = mask.reshape(1, 1, -1, *mask.shape[-2:])
    return F.interpolate(mask.float(), tuple(samples.shape[2:]), mode="trilinear")
