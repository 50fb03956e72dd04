"""Control hints from scenes: the nearness of objects, their outlines and their tracks."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from .renderer import Clip

NEAREST = 3.0
"""Distance in units up to which depth images are white."""


def nearness(depth: Tensor) -> Tensor:
    """Convert distances to brightness: near is bright, far is dark.

    The scale is the same in every frame and every clip, so that it can be learned and compared.

    Args:
        depth: of any shape, in units, as returned by `render`.

    Returns:
        The same shape, in [0, 1]: 1 up to `NEAREST` units, half at twice that distance, 0 in the
        sky.
    """
    return (NEAREST / depth).clamp(max=1)


def outlines(masks: Tensor) -> Tensor:
    """Return the outlines of all visible objects.

    Args:
        masks: (..., O, H, W) bool, as returned by `render`, at most one per pixel.

    Returns:
        (..., H, W) bool: pixels of an object with a pixel among their four neighbours that shows
        something else. There is no outline along the image border.
    """
    shown = masks.new_zeros(*masks.shape[:-3], *masks.shape[-2:], dtype=torch.uint8)
    for o in range(masks.shape[-3]):
        shown += (o + 1) * masks[..., o, :, :].to(torch.uint8)  # 0 where there is none
    beside, below = shown.diff(dim=-1) != 0, shown.diff(dim=-2) != 0
    other = F.pad(beside, (0, 1)) | F.pad(beside, (1, 0))
    other |= F.pad(below, (0, 0, 0, 1)) | F.pad(below, (0, 0, 1, 0))
    return other & (shown > 0)


def lasting_tracks(clip: Clip) -> Tensor:
    """Return tracks that have a place at all times, for consumers that need one.

    Returns:
        (B, F, O, 3) like the clip's tracks, but while an object is absent, it has the place of
        the nearest moment at which it is present.
    """
    tracks = clip.tracks
    there = (clip.states.rotation != 0).any(dim=-1).any(dim=-1)  # (B, F, O)
    times = torch.arange(tracks.shape[1], device=tracks.device, dtype=torch.float32)
    apart = (times[:, None] - times).abs()[None, :, :, None]  # (1, F, F, 1)
    nearest = torch.where(there[:, None], apart, torch.inf).argmin(dim=2)  # (B, F, O)
    places = tracks[..., :2].gather(1, nearest[..., None].expand(-1, -1, -1, 2))
    return torch.cat((places, tracks[..., 2:]), dim=-1)
