"""What scenes tell a model to follow, as pictures: how near things are, and their outlines."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

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
