"""Line art: strokes along the dark side of edges, as drawn with a pen."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from .filters import blurred, gaussian, gradient
from .sampling import at_places, places

_WIDER = 1.6
"""Width ratio of the two Gaussians of a difference: the usual approximation of a Laplacian."""

_LOOKED_AT = 1.5
"""Scale at which edge directions are averaged, in line widths."""

_STROKE = 2.0
"""How far a line is averaged along its direction, in line widths."""


@dataclass(frozen=True, kw_only=True)
class LineOptions:
    """Options for drawing lines.

    Args:
        width: of a line in pixels, above 0.
        threshold: brightness difference across an edge, in (0, 1], that is drawn at half strength.

    Raises:
        ValueError: one of them is out of range.
    """

    width: float = 1.2
    threshold: float = 0.16

    def __post_init__(self) -> None:
        if not 0 < self.width < float("inf"):
            raise ValueError(f"lines of {self.width} pixels: use a width above 0")
        if not 0 < self.threshold <= 1:
            raise ValueError(f"a threshold of {self.threshold}: use a number above 0, 1 at most")


def line_art(planes: Tensor, options: LineOptions) -> Tensor:
    """Draw lines (a flow-based difference of Gaussians: Kang, Lee and Chui, 2007).

    In a colour image, the channel that is darkest relative to its surroundings counts.

    Args:
        planes: `(1 or 3, H, W)` in [0, 1].
        options: width and threshold.

    Returns:
        `(1, H, W)` in [0, 1]: bright lines on black.
    """
    sigma = options.width / 2
    darker = blurred(planes, _WIDER * sigma) - blurred(planes, sigma)
    darkest = darker.amax(dim=0, keepdim=True)
    along = _smoothed_along(darkest, _direction(planes, options.width), _STROKE * options.width)
    share = (along / _response(sigma)).clamp(min=0) / options.threshold
    return share**2 / (1 + share**2)


def _response(sigma: float) -> Tensor:
    """Largest response of the difference to an edge between black and white."""
    wide, narrow = gaussian(_WIDER * sigma), gaussian(sigma)
    difference = wide - F.pad(narrow, ((len(wide) - len(narrow)) // 2,) * 2)
    return difference.cumsum(0).max()


def _direction(planes: Tensor, width: float) -> Tensor:
    """Cosine and sine (2, H, W) of twice the angle of the lines."""
    x, y, _ = gradient(planes, width / 2)
    turns = torch.stack(((y * y - x * x).sum(dim=0), -2 * (x * y).sum(dim=0)))
    turned = blurred(turns, _LOOKED_AT * width)
    return turned / turned.norm(dim=0).clamp(min=1e-9)


def _smoothed_along(values: Tensor, direction: Tensor, reach: float) -> Tensor:
    """Average values (1, H, W) along the direction, up to `reach` pixels to either side."""
    field = torch.cat((values, direction))
    total, weights = values.clone(), 1.0
    for side in (1.0, -1.0):
        place, way = places(*values.shape[1:]), side * _way(direction)
        for step in range(1, round(reach) + 1):
            place = place + way
            found = at_places(field, place)
            weight = 1 - step / (reach + 1)
            total, weights = total + weight * found[:1], weights + weight
            onward = _way(found[1:])
            way = torch.where((onward * way).sum(dim=0) < 0, -onward, onward)
    return total / weights


def _way(doubled: Tensor) -> Tensor:
    """Steps (2, H, W) of one pixel along the direction of a doubled angle."""
    cos, sin = doubled
    across = ((1 + cos) / 2).clamp(min=0).sqrt()
    down = torch.copysign(((1 - cos) / 2).clamp(min=0).sqrt(), sin)
    return torch.stack((across, down))
