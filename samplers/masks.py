"""Noise masks: how far each position of a latent is regenerated, from 0 (kept) to 1 (fully).

B batch, C channels, F latent frames, H rows, W columns.
"""

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor


def per_latent_frame(mask: Tensor, frames: int, time_factor: int) -> Tensor:
    """Convert a noise mask to one mask per latent frame.

    A latent frame that covers several video frames is generated wherever any of them is, and kept
    only where all of them are kept.

    Args:
        mask: (N, h, w), (N, 1, h, w) or (B, 1, N, h, w) at any spatial resolution. N is 1 (one mask
            for all frames), the number of latent frames, or the number of video frames.
        frames: number of latent frames.
        time_factor: video frames per latent frame after the first.

    Returns:
        (B, 1, F, h, w), or (B, 1, 1, h, w) for one mask for all frames.

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
            "latent): use one mask for all frames, one per latent frame or one per video frame; "
            "the Fit Video node brings a clip and its mask to the same length"
        )
    groups = mask[:, :, 1:].unflatten(2, (frames - 1, time_factor))
    return torch.cat([mask[:, :, :1], groups.amax(3)], dim=2)


def free_frames(mask: Tensor, frames: int, time_factor: int) -> list[int]:
    """Indices of the latent frames that are at least partly generated; see ``per_latent_frame``."""
    shown = per_latent_frame(mask, frames, time_factor).amax((0, 1, 3, 4)) > 0
    return shown.expand(frames).nonzero()[:, 0].tolist()


def latent_mask(mask: Tensor, samples: Tensor, time_factor: int) -> Tensor:
    """Resize a noise mask to the positions of a latent, as ComfyUI does.

    Args:
        mask: see ``per_latent_frame``.
        samples: (B, C, F, H, W).
        time_factor: video frames per latent frame after the first.

    Returns:
        (B, F, H, W) in [0, 1].
    """
    mask = per_latent_frame(mask.float(), samples.shape[2], time_factor)
    places = F.interpolate(mask, tuple(samples.shape[2:]), mode="trilinear")[:, 0]
    return places[torch.arange(len(samples)) % len(places)].clamp(0, 1)


def stretched(mask: Tensor, samples: Tensor) -> Tensor:
    """Resize a noise mask of any number of frames to a latent, as ComfyUI's own samplers do.

    Args:
        mask: (N, h, w), (N, 1, h, w) or (B, 1, N, h, w).
        samples: (B, C, F, H, W).

    Returns:
        (B, 1, F, H, W), or (1, 1, F, H, W).
    """
    if mask.ndim < 5:
        mask = mask.reshape(1, 1, -1, *mask.shape[-2:])
    return F.interpolate(mask.float(), tuple(samples.shape[2:]), mode="trilinear")
