"""Resize images."""

from typing import Literal

import torch
import torch.nn.functional as F  # noqa: N812

Mode = Literal["auto", "area", "bicubic", "bilinear", "nearest"]


def resize(video: torch.Tensor, height: int, width: int, mode: Mode = "auto") -> torch.Tensor:
    """Resize frames.

    Args:
        video: `(F, H, W, C)` in [0, 1].
        height, width: the new size in pixels.
        mode: "area" averages (for shrinking), "bicubic" and "bilinear" are antialiased, "nearest"
            copies; "auto" is area where no side grows and bicubic elsewhere.

    Returns:
        `(F, height, width, C)` in [0, 1].

    Raises:
        ValueError: a side is below 1, the mode is unknown or the input is not 4-D.
    """
    if video.ndim != 4:
        raise ValueError(f"a video of shape {tuple(video.shape)}: use (F, H, W, C)")
    if height < 1 or width < 1:
        raise ValueError(f"a size of {height}x{width}: use at least 1x1")
    if (height, width) == video.shape[1:3]:
        return video
    if mode == "auto":
        shrinks = height <= video.shape[1] and width <= video.shape[2]
        mode = "area" if shrinks else "bicubic"
    planes = video.movedim(-1, 1)
    if mode in ("area", "nearest"):
        name = "nearest-exact" if mode == "nearest" else mode
        return F.interpolate(planes, (height, width), mode=name).movedim(1, -1)
    if mode not in ("bicubic", "bilinear"):
        raise ValueError(f"resize mode {mode!r}: use auto, area, bicubic, bilinear or nearest")
    smooth = F.interpolate(planes, (height, width), mode=mode, antialias=True)
    return smooth.clamp(0, 1).movedim(1, -1)
