"""Quantise pixel values for files.

Values between two levels are rounded down, as everywhere in ComfyUI, so a graph gives the same
image in either host. Values read from a file lie on its levels and stay unchanged.
"""

from collections.abc import Callable

import numpy as np
import torch

BYTE_MAX = 255

ROWS = 256
"""Rows of an image processed at a time."""


def to_bytes(picture: torch.Tensor) -> np.ndarray:
    """Quantise an image in [0, 1] of any shape to uint8 0..255 (clamped).

    Raises:
        ValueError: it contains NaN or infinity.
    """
    return _by_rows(picture, torch.uint8, lambda part: _levels(part, BYTE_MAX))


def on_levels(picture: torch.Tensor, highest: int) -> np.ndarray:
    """Quantise an image in [0, 1] (clamped) to levels from 0 to `highest`.

    Returns:
        float32 in [0, 1] of the same shape.

    Raises:
        ValueError: it contains NaN or infinity.
    """
    return _by_rows(picture, torch.float32, lambda part: _levels(part, highest) / highest)


def _by_rows(
    picture: torch.Tensor, dtype: torch.dtype, change: Callable[[torch.Tensor], torch.Tensor]
) -> np.ndarray:
    result = torch.empty(picture.shape, dtype=dtype)
    if picture.ndim == 0:
        return result.copy_(change(picture)).numpy()
    for source, target in zip(picture.split(ROWS), result.split(ROWS), strict=True):
        target.copy_(change(source))
    return result.numpy()


def _levels(part: torch.Tensor, highest: int) -> torch.Tensor:
    part = part.detach().cpu()
    if not part.isfinite().all():
        raise ValueError(
            "an image contains values that are not finite, which would be saved as black"
        )
    return part.mul(highest).to(torch.float32).floor_().clamp_(0, highest)
