"""Soft edges: outlines as soft lines, faint where an image is only textured."""

import torch
from torch import Tensor

from .filters import gradient

_SCALES = (1.0, 2.0, 4.0)
"""Scales of the gradients in units of the softness: outlines are visible at all of them."""


def soft_edges(planes: Tensor, *, softness: float, strength: float) -> Tensor:
    """Measure how much an image changes around each position, at several scales at once.

    The value is a smooth function of the image alone, without thresholds or per-frame scaling, so
    small changes from frame to frame stay small.

    Args:
        planes: `(1 or 3, H, W)` in [0, 1].
        softness: width of the finest lines in pixels, above 0.
        strength: brightness of the lines, above 0; at 1 an edge between black and white is white.

    Returns:
        `(1, H, W)` in [0, 1].
    """
    product = torch.ones(planes.shape[1:])
    for scale in _SCALES:
        product = product * gradient(planes, scale * softness).strength.amax(dim=0)
    mean = product ** (1 / len(_SCALES))
    return (strength * mean).clamp(0, 1)[None]
