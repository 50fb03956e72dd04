"""Interpolate the motion of any position from the tracks around it.

Moving least squares with rotations and scales (Schaefer, McPhail and Warren, "Image deformation
using moving least squares", 2006): where all tracks rotate, scale and shift together, every
position does so exactly; a single track shifts everything.

N tracks, G positions, F frames.
"""

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from ..media.fit import Size
from ..media.hints.sampling import places as pixels

STEP = 4
"""Pixels between the positions at which the motion is computed; it is interpolated linearly."""

_NEAR = 1.0
"""Distance in pixels within which a position counts as lying on a track."""

_STIFF = 1e-3
"""Spread of the tracks, in square pixels, below which they hardly rotate or scale anything."""


def moved(places: Tensor, before: Tensor, after: Tensor) -> Tensor:
    """Move positions along with the points around them.

    Args:
        places: (G, 2).
        before: (N, 2), old positions of the points.
        after: (N, 2), new positions of the points.

    Returns:
        (G, 2).
    """
    places, before, after = places.double(), before.double(), after.double()
    weight = 1 / (torch.cdist(places, before).square() + _NEAR**2).square()
    weight = weight / weight.sum(1, keepdim=True)  # (G, N)
    middle, goal = weight @ before, weight @ after  # (G, 2)
    spread = weight @ before.square().sum(1) - middle.square().sum(1)
    along = weight @ (before * after).sum(1) - (middle * goal).sum(1)
    across = weight @ _cross(before, after) - _cross(middle, goal)
    cos, sin = (along + _STIFF) / (spread + _STIFF), across / (spread + _STIFF)
    x, y = (places - middle).unbind(1)
    return (goal + torch.stack([cos * x - sin * y, sin * x + cos * y], dim=1)).float()


def _cross(one: Tensor, other: Tensor) -> Tensor:
    return one[:, 0] * other[:, 1] - one[:, 1] * other[:, 0]


def moved_picture(size: Size, before: Tensor, after: Tensor) -> Tensor:
    """New positions (H, W, 2) of all pixel centres when points (N, 2) move."""
    rows, columns = (max(2, round(side / STEP) + 1) for side in size)
    y, x = torch.linspace(0, size.height, rows), torch.linspace(0, size.width, columns)
    places = torch.cartesian_prod(y, x).flip(1)
    shift = (moved(places, before, after) - places).reshape(1, rows, columns, 2)
    at = pixel_middles(size) / torch.tensor([size.width, size.height]) * 2 - 1
    planes = F.grid_sample(shift.movedim(3, 1), at[None], mode="bilinear", align_corners=True)
    return pixel_middles(size) + planes[0].movedim(0, 2)


def pixel_middles(size: Size) -> Tensor:
    """Centres of all pixels, (H, W, 2) as x and y."""
    return pixels(*size).movedim(0, 2) + 0.5
