"""Paths over an image, drawn as points or as a stroke, and objects that move along them.

N points, F frames, H rows, W columns.
"""

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from .easing import Easing, progress
from .tracks import Tracks

MOST_POINTS = 24
"""Approximate number of tracks on a moving object."""

_WORKING_SIDE = 160
"""Largest side of a mask when a stroke is followed."""


def along(path: Tensor, shares: Tensor) -> Tensor:
    """Positions (F, 2) on a path (N, 2), at shares (F,) in [0, 1] of its length."""
    if len(path) == 1:
        return path.expand(len(shares), 2)
    steps = path.diff(dim=0).norm(dim=1)
    reached = torch.cat([steps.new_zeros(1), steps.cumsum(0)])
    wanted = shares * reached[-1]
    after = torch.searchsorted(reached, wanted).clamp(1, len(path) - 1)
    share = (wanted - reached[after - 1]) / steps[after - 1].clamp(min=1e-9)
    return torch.lerp(path[after - 1], path[after], share.clamp(0, 1)[:, None])


def points_under(mask: Tensor, most: int = MOST_POINTS) -> Tensor:
    """Points (N, 2) spread evenly over the white of a mask (H, W).

    Raises:
        ValueError: the mask has no white pixel.
    """
    rows, columns = torch.nonzero(mask > 0.5, as_tuple=True)
    if not len(rows):
        raise ValueError(
            f"no pixel of the mask is above 0.5 (the highest is {float(mask.max()):g}): paint "
            "the moving object white, or invert the mask"
        )
    step = max(1, round((len(rows) / most) ** 0.5))
    first = step // 2
    chosen = ((rows - rows.min()) % step == first) & ((columns - columns.min()) % step == first)
    if not chosen.any():
        chosen[len(rows) // 2] = True
    return torch.stack([columns[chosen], rows[chosen]], dim=1) + 0.5


def moved_along(
    mask: Tensor,
    path: Tensor,
    frames: int,
    *,
    scale: float = 1.0,
    rotation: float = 0.0,
    easing: Easing = "linear",
) -> Tracks:
    """Move the area under a mask along a path.

    Args:
        mask: (H, W), white over the object.
        path: (N, 2) in pixels; the object moves by the path's displacement from its first point,
            wherever that point lies.
        frames: of the clip.
        scale: of the object at the end, 1 for its own size.
        rotation: at the end, in degrees clockwise about the object's middle.
        easing: of position, scale and rotation.

    Raises:
        ValueError: the mask has no white pixel.
    """
    points = points_under(mask)
    shares = progress(frames, easing)
    way = along(path.float(), shares)
    middle = _middle(mask)
    angle, size = torch.deg2rad(rotation * shares), scale**shares
    turned = _turned(points - middle, angle) * size[:, None, None]
    places = middle + turned + (way - way[0])[:, None]
    return Tracks.seen(places.transpose(0, 1))


def _middle(mask: Tensor) -> Tensor:
    return torch.nonzero(mask > 0.5).float().mean(0).flip(0) + 0.5


def _turned(points: Tensor, angle: Tensor) -> Tensor:
    """Rotate points (N, 2) by angles (F,): (F, N, 2)."""
    cos, sin = angle.cos()[:, None], angle.sin()[:, None]
    x, y = points.unbind(1)
    return torch.stack([cos * x - sin * y, sin * x + cos * y], dim=2)


def stroke_path(stroke: Tensor, near: Tensor) -> Tensor:
    """Trace a painted stroke as a path (N, 2), from the end nearer to the object.

    Args:
        stroke: (H, W), white where painted: one stroke that does not touch itself.
        near: mask (H, W) of the object that moves along it.

    Raises:
        ValueError: the stroke or the mask has no white pixel, or the stroke is in several pieces or
            touches itself.
    """
    points_under(near)
    points_under(stroke)
    shrink = max(1.0, max(stroke.shape) / _WORKING_SIDE)
    size = [max(1, round(side / shrink)) for side in stroke.shape]
    ground = F.adaptive_max_pool2d((stroke > 0.5).float()[None], size)[0] > 0
    factor = torch.tensor([stroke.shape[1] / size[1], stroke.shape[0] / size[0]])
    reached = _flooded(ground, tuple(torch.nonzero(ground)[0].tolist()))
    if bool((ground & (reached < 0)).any()):
        raise ValueError(
            "the painted path is in several pieces: paint one stroke without gaps, and erase any "
            "other white areas"
        )
    one = _farthest(reached)
    other = _farthest(_flooded(ground, one))
    middle = _middle(near) / factor
    start = min((one, other), key=lambda end: _distance(end, middle))
    steps = _flooded(ground, start)
    rings = [torch.nonzero(steps == n).float().mean(0) for n in range(int(steps.max()) + 1)]
    path = torch.stack(rings)
    _check_on_stroke(path, ground)
    return (path.flip(1) + 0.5) * factor


def _check_on_stroke(path: Tensor, ground: Tensor) -> None:
    """Reject a path (N, 2) that leaves its stroke, as when the stroke was followed on two sides."""
    around = F.max_pool2d(ground.float()[None], 5, stride=1, padding=2)[0] > 0
    row, column = path.round().long().unbind(1)
    if not bool(around[row, column].all()):
        raise ValueError(
            "the painted path touches itself, so its direction is ambiguous: leave a gap, or "
            "draw the path on the node"
        )


def _distance(place: tuple[int, ...], middle: Tensor) -> float:
    return float((torch.tensor(place).flip(0) + 0.5 - middle).norm())


def _flooded(ground: Tensor, start: tuple[int, ...]) -> Tensor:
    """Steps (H, W) from a position over connected ground, -1 where it cannot be reached."""
    steps = torch.full(ground.shape, -1)
    steps[start] = 0
    reached = steps >= 0
    for step in range(1, ground.numel()):
        grown = F.max_pool2d(reached.float()[None], 3, stride=1, padding=1)[0] > 0
        new = grown & ground & ~reached
        if not new.any():
            break
        steps[new] = step
        reached |= new
    return steps


def _farthest(steps: Tensor) -> tuple[int, ...]:
    return tuple(int(each) for each in torch.unravel_index(steps.argmax(), steps.shape))
