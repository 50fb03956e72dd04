"""Sample planes between their pixels."""

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor


def places(height: int, width: int) -> Tensor:
    """Column and row `(2, H, W)` of every pixel."""
    rows, columns = torch.arange(height).float(), torch.arange(width).float()
    return torch.stack((columns.expand(height, width), rows[:, None].expand(height, width)))


def at_places(planes: Tensor, where: Tensor, beyond: str = "border") -> Tensor:
    """Sample planes `(N, H, W)` at columns and rows `(2, h, w)`, linearly between pixels.

    Args:
        planes: to sample.
        where: 0 is the centre of the first pixel.
        beyond: "border" repeats the edge of the planes, "zeros" fades to 0 within a pixel.

    Returns:
        `(N, h, w)`.
    """
    size = torch.tensor(planes.shape[:0:-1], dtype=torch.float32)  # W, H
    spots = (2 * where.movedim(0, -1) + 1) / size - 1
    return F.grid_sample(
        planes[None], spots[None], mode="bilinear", padding_mode=beyond, align_corners=False
    )[0]
