"""Fill holes in images smoothly from their surroundings."""

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor


def spread(values: Tensor, known: Tensor) -> Tensor:
    """Keep known values and fill the rest with increasingly wide averages of their surroundings.

    Args:
        values: (H, W, C).
        known: (H, W) bool.

    Returns:
        (H, W, C); all zeros if nothing is known.
    """
    planes = values.movedim(-1, 0)[None]  # (1, C, H, W)
    return _pulled(planes, known[None, None].to(planes))[0].movedim(0, -1)


def _pulled(planes: Tensor, weight: Tensor) -> Tensor:
    """Average known positions (1, 1, H, W) into coarser images, and fill the others from these."""
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
