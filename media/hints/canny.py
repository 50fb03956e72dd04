"""Canny edges: thin lines where an image changes most, kept if they connect to a clear edge."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from .filters import Gradient, gradient, strongest

_LEAST = 1e-3
"""Smaller differences are rounding noise: half a level of 8 bits is twice as much."""


@dataclass(frozen=True, kw_only=True)
class CannyOptions:
    """Thresholds of edge detection.

    Args:
        low, high: differences in brightness or colour across an edge, in [0, 1]: edges above
            `high` are kept, and so are those above `low` that connect to one.
        sigma: of the blur before edge detection, in pixels.

    Raises:
        ValueError: a threshold is outside [0, 1], low is above high, or sigma is negative.
    """

    low: float = 0.1
    high: float = 0.2
    sigma: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.low <= self.high <= 1:
            raise ValueError(
                f"thresholds {self.low} (low) and {self.high} (high): use numbers from 0 to 1, "
                "the low one not above the high one"
            )
        if not 0 <= self.sigma < float("inf"):
            raise ValueError(f"a blur of {self.sigma} pixels: use 0 or more")


def canny_edges(planes: Tensor, options: CannyOptions) -> Tensor:
    """Detect edges one pixel wide (J. Canny, A Computational Approach to Edge Detection, 1986).

    In a colour image, the channel that changes most counts.

    Args:
        planes: `(1 or 3, H, W)` in [0, 1].
        options: thresholds and blur.

    Returns:
        `(1, H, W)`, 1 on edges and 0 elsewhere.
    """
    found = strongest(gradient(planes, options.sigma))
    ridges = _is_ridge(found) & (found.strength > _LEAST)
    weak = ridges & (found.strength >= options.low)
    strong = ridges & (found.strength >= options.high)
    return _connected(weak, strong)[None].float()


def _is_ridge(found: Gradient) -> Tensor:
    """Whether no neighbour along the gradient is stronger; of two equal ones the first wins."""
    height, width = found.strength.shape
    around = F.pad(found.strength[None, None], (1, 1, 1, 1), mode="replicate")[0, 0]

    def moved(down: int, right: int) -> Tensor:
        return around[1 + down : 1 + down + height, 1 + right : 1 + right + width]

    x, y = found.x, found.y
    flat, same = x.abs() >= y.abs(), x * y >= 0
    share = torch.minimum(x.abs(), y.abs()) / torch.maximum(x.abs(), y.abs()).clamp(min=1e-12)

    def beside(sign: int) -> Tensor:
        """Strength one pixel further, between the two neighbours that the gradient points to."""
        straight = torch.where(flat, moved(0, sign), moved(sign, 0))
        falling, rising = (
            moved(sign, sign),
            torch.where(flat, moved(-sign, sign), moved(sign, -sign)),
        )
        return torch.lerp(straight, torch.where(same, falling, rising), share)

    forward = torch.where(flat, x, y) >= 0
    ahead, behind = beside(1), beside(-1)
    ahead, behind = torch.where(forward, ahead, behind), torch.where(forward, behind, ahead)
    return (found.strength > ahead) & (found.strength >= behind)


def _connected(weak: Tensor, strong: Tensor) -> Tensor:
    """Keep the weak pixels (H, W) in connected groups that contain a strong one."""
    rows, columns = weak.nonzero(as_tuple=True)
    if not len(rows):
        return weak
    number = torch.full((weak.shape[0] + 1, weak.shape[1] + 2), -1)
    number[rows, columns + 1] = torch.arange(len(rows))
    here = number[rows, columns + 1]
    pairs = torch.cat(
        [
            torch.stack((here, number[rows + down, columns + 1 + right]))
            for down, right in ((0, 1), (1, -1), (1, 0), (1, 1))
        ],
        dim=1,
    )
    group = _groups(len(rows), pairs[:, pairs[1] >= 0])
    chosen = torch.zeros(len(rows), dtype=torch.bool)
    chosen[group[strong[rows, columns]]] = True
    kept = torch.zeros_like(weak)
    kept[rows, columns] = chosen[group]
    return kept


def _groups(count: int, pairs: Tensor) -> Tensor:
    """The smallest number that each of `count` is connected to by pairs (2, P)."""
    group = torch.arange(count)
    while True:
        first, second = group[pairs]
        least = torch.minimum(first, second)
        joined = group.scatter_reduce(0, first, least, "amin")
        joined = joined.scatter_reduce(0, second, least, "amin")
        joined = joined[joined]
        if torch.equal(joined, group):
            return group
        group = joined
