"""Soft edges: outlines as glowing lines, faint where a picture is only textured."""

import torch
from torch import Tensor

from .filters import gradient

_SCALES = (1.0, 2.0, 4.0)
"""Of the gradients, in units of the softness: what is seen at all of them is an outline."""


def soft_edges(planes: Tensor, *, softness: float, strength: float) -> Tensor:
    """How much a picture changes around each place, at several scales at once.

    The value is a smooth function of the picture alone, without thresholds or a scale taken from
    the frame, so that what changes little from frame to frame changes little here as well.

    Args:
        planes: `(1 or 3, H, W)` in [0, 1].
        softness: width of the finest lines in pixels, above 0.
        strength: how bright lines are, above 0; with 1 the edge between black and white is white.

    Returns:
        `(1, H, W)` in [0, 1].
    """
    product = torch.ones(planes.shape[1:])
    for scale in _SCALES:
        product = product * gradient(planes, scale * softness).strength.amax(dim=0)
    mean = product ** (1 / len(_SCALES))
    return (strength * mean).clamp(0, 1)[None]
