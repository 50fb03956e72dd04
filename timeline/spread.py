"""Filling holes in pictures smoothly from what lies around them."""

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor


def spread(values: Tensor, known: Tensor) -> Tensor:
    """Values where they are known, and elsewhere ever wider averages of those around.

    Args:
        values: (H, W, C).
        known: (H, W) bool.

    Returns:
        (H, W, C); zeros where nothing is known at all.
    """
    planes = values.movedim(-1, 0)[None]  # (1, C, H, W)
    return _pulled(planes, known[None, None].to(planes))[0].movedim(0, -1)


def _pulled(planes: Tensor, weight: Tensor) -> Tensor:
    """Known places (1, 1, H, W) pass on their mean to coarser pictures, which fill the others."""
    known = weight > 0
    if bool(known.all()):
        return planes
    if max(planes.shape[2:]) == 1:
        return torch.zeros_like(planes)
    share = F.avg_pool2d(weight, 2, ceil_mode=True)
    coarse = F.avg_pool2d(planes * weight, 2, ceil_mode=True) / share.clamp(min=1e-6)
    coarse = _pulled(coarse, (share > 0).to(planes))
    finer = F.interpolate(coarse, planes.shape[2:], mode="bilinear", align_corners=False)
    return torch.where(known, planes, finer)
