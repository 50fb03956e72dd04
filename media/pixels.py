"""Pixel values between tensors and files."""

import numpy as np
import torch


def to_bytes(picture: torch.Tensor) -> np.ndarray:
    """Round a picture in [0, 1] of any shape to uint8 0..255 (clamped).

    Raises:
        ValueError: it holds NaN or infinity.
    """
    picture = picture.detach().to("cpu", torch.float32)
    if not picture.isfinite().all():
        raise ValueError("a picture holds values that are not finite: it would be black, not right")
    return picture.mul(255).round_().clamp_(0, 255).to(torch.uint8).numpy()
