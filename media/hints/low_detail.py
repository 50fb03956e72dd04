"""Low detail: an image without its fine detail."""

from typing import Literal, get_args

from torch import Tensor

from ..resize import resize
from .filters import blurred

LessDetail = Literal["tile", "blur"]
LESS_DETAIL: tuple[str, ...] = get_args(LessDetail)


def low_detail(planes: Tensor, *, how: LessDetail, factor: float) -> Tensor:
    """Remove details smaller than `factor` pixels, keeping the size.

    Args:
        planes: `(1 or 3, H, W)` in [0, 1].
        how: "tile" shrinks the image to averages of squares and enlarges these smoothly; "blur" is
            a Gaussian blur of half as many pixels.
        factor: pixels, 1 or more; "tile" with 1 changes nothing.

    Returns:
        `(1 or 3, H, W)` in [0, 1].
    """
    if how == "blur":
        return blurred(planes, factor / 2).clamp(0, 1)
    height, width = planes.shape[1:]
    frames = planes.movedim(0, -1)[None]
    small = resize(frames, max(1, round(height / factor)), max(1, round(width / factor)), "area")
    return resize(small, height, width, "bicubic")[0].movedim(-1, 0)
