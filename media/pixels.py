"""Pixel values between tensors and files."""

import numpy as np
import torch

ROWS = 256
"""Of a picture that are worked on at a time."""


def to_bytes(picture: torch.Tensor) -> np.ndarray:
    """Round a picture in [0, 1] of any shape to uint8 0..255 (clamped).

    Raises:
        ValueError: it holds NaN or infinity.
    """
    rounded = torch.empty(picture.shape, dtype=torch.uint8)
    if picture.ndim == 0:
        return _rounded(picture).numpy()
    for source, target in zip(picture.split(ROWS), rounded.split(ROWS), strict=True):
        target.copy_(_rounded(source))
    return rounded.numpy()


def _rounded(part: torch.Tensor) -> torch.Tensor:
    part = part.detach().to("cpu", torch.float32)
    if not part.isfinite().all():
        raise ValueError("a picture holds values that are not finite: it would be black, not right")
    return part.mul(255).round_().clamp_(0, 255).to(torch.uint8)
