"""What scenes tell a model to follow: how near things are, their outlines and their tracks."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from .renderer import Clip

NEAREST = 3.0
"""Units from the camera that are white in pictures of depth."""


def nearness(depth: Tensor) -> Tensor:
    """Return distances as brightness: near is bright, far is dark.

    The scale is the same in every frame and every clip, so that it can be learned and compared.

    Args:
        depth: of any shape, in units, as `render` gives it.

    Returns:
        The same shape, in [0, 1]: 1 up to `NEAREST` units, half at twice as many, 0 in the sky.
    """
    return (NEAREST / depth).clamp(max=1)


def outlines(masks: Tensor) -> Tensor:
    """Return the outer pixels of each object that is seen.

    Args:
        masks: (..., O, H, W) bool, as `render` gives them, at most one per pixel.

    Returns:
        (..., H, W) bool: pixels of an object beside a pixel (of the four around it) that shows
        something else. Where the picture ends there is no outline.
    """
    shown = masks.new_zeros(*masks.shape[:-3], *masks.shape[-2:], dtype=torch.uint8)
    for o in range(masks.shape[-3]):
        shown += (o + 1) * masks[..., o, :, :].to(torch.uint8)  # 0 where there is none
    beside, below = shown.diff(dim=-1) != 0, shown.diff(dim=-2) != 0
    other = F.pad(beside, (0, 1)) | F.pad(beside, (1, 0))
    other |= F.pad(below, (0, 0, 0, 1)) | F.pad(below, (0, 0, 1, 0))
    return other & (shown > 0)


def lasting_tracks(clip: Clip) -> Tensor:
    """Return tracks that are somewhere at all times, for what follows them.

    Returns:
        (B, F, O, 3) as the clip's tracks, but while an object is not there its place is that of
        the moment nearest in time at which it is.
    """
    tracks = clip.tracks
    there = (clip.states.rotation != 0).any(dim=-1).any(dim=-1)  # (B, F, O)
    times = torch.arange(tracks.shape[1], device=tracks.device, dtype=torch.float32)
    apart = (times[:, None] - times).abs()[None, :, :, None]  # (1, F, F, 1)
    nearest = torch.where(there[:, None], apart, torch.inf).argmin(dim=2)  # (B, F, O)
    places = tracks[..., :2].gather(1, nearest[..., None].expand(-1, -1, -1, 2))
    return torch.cat((places, tracks[..., 2:]), dim=-1)
