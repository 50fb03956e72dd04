"""Prepare single images for hints: checks, brightness, grey as colour."""

import torch
from torch import Tensor

from ..colour import BT709, WEIGHTS

CHANNELS = (1, 3, 4)
"""Accepted channels: grey, RGB, and RGB with transparency, which is ignored."""


def check_shape(shape: torch.Size) -> None:
    """Reject tensors that are not frames.

    Raises:
        ValueError: the shape is not `(F, H, W, C)` with 1, 3 or 4 channels, or a side is 0.
    """
    if len(shape) != 4 or 0 in shape or shape[-1] not in CHANNELS:
        raise ValueError(
            f"images of shape {tuple(shape)}: use at least one frame, (frames, rows, columns, "
            "channels) with 1, 3 or 4 channels, from Get Video Components or Load Image"
        )


def planes_of(frame: Tensor, number: int) -> Tensor:
    """Convert an image to planes for the filters.

    Args:
        frame: `(H, W, 1, 3 or 4)`; values are clamped to [0, 1].
        number: of the frame, for the error.

    Returns:
        `(3, H, W)` in [0, 1], float32, or `(1, H, W)` for a grey image.

    Raises:
        ValueError: a value is NaN or infinite.
    """
    planes = frame[..., : 1 if frame.shape[-1] == 1 else 3].movedim(-1, 0).float().contiguous()
    if not planes.isfinite().all():
        raise ValueError(
            f"frame {number} of the images contains values that are not finite numbers: fix the "
            "node that produced it"
        )
    return planes.clamp(0, 1)


def in_colour(images: Tensor) -> Tensor:
    """Convert control images (F, H, W, C) to RGB (F, H, W, 3).

    Args:
        images: grey, RGB, or RGB with further channels, such as transparency, which are ignored.

    Raises:
        ValueError: they have no or two channels, or a value is NaN or infinite.
    """
    channels = images.shape[-1]
    if channels in (0, 2):
        raise ValueError(
            f"control images with {channels} channels: use grey images (1), RGB (3), or RGB with "
            "transparency (4), which is ignored"
        )
    colours = images.expand(-1, -1, -1, 3) if channels == 1 else images[..., :3]
    sound = colours.isfinite().flatten(1).all(1)
    if not bool(sound.all()):
        raise ValueError(
            f"control image {int((~sound).nonzero()[0])} contains values that are not finite "
            "numbers: fix the node that produced it"
        )
    return colours


def luma(planes: Tensor) -> Tensor:
    """Brightness `(1, H, W)` of planes `(1 or 3, H, W)`, by BT.709 weights."""
    if len(planes) == 1:
        return planes
    red, blue = WEIGHTS[BT709]
    return (red * planes[0] + (1 - red - blue) * planes[1] + blue * planes[2])[None]


def luminance(planes: Tensor) -> Tensor:
    """Compute the brightness of an image.

    Args:
        planes: `(1 or 3, H, W)` in [0, 1].

    Returns:
        `(1, H, W)` in [0, 1], BT.709 luma.
    """
    return luma(planes).clamp(0, 1)
