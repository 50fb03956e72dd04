"""The acceleration of falling objects."""

from __future__ import annotations

import torch
from torch import Tensor

from ...toyworld.camera import STILL_CAMERA
from ...toyworld.solids import HALF_HEIGHT
from .reading import ObjectReading

_LANDED, _DEEP, _FEWEST_FRAMES, _FEWEST_AFTER = 0.15, 0.5, 5, 2


def fall_acceleration(thing: ObjectReading, fps: float) -> float | None:
    """Return the acceleration of an object that falls from rest, in units per second squared.

    The object's size, and with it the unit, is chosen so that it touches the floor when it lands.
    The landing is usually between two frames, so it is taken from the end of the fall and the
    beginning of the motion that follows.

    Returns:
        The best fit to its height until it lands, or None if it does not fall or too few frames
        show it.
    """
    height = thing.place[:, 1].double().cpu()
    seconds = torch.arange(len(height)).double() / fps
    landing = int((height < height.min() + _LANDED).nonzero()[0])
    frames = thing.seen[:landing].nonzero()[:, 0].cpu()
    if height[0] - height.min() < _DEEP or len(frames) < _FEWEST_FRAMES:
        return None
    squares = -0.5 * seconds**2
    start, pull = _line(squares[frames], height[frames])
    lowest = int(height.argmin())
    after = thing.seen[lowest + 1 :].nonzero()[:, 0].cpu() + lowest + 1
    touching = float(height.min())
    if len(after) >= _FEWEST_AFTER:
        origin, speed = _line(seconds[after], height[after] - pull * squares[after])
        contact = (start - origin) / speed if speed > 0 else 0.0
        if lowest - 1 <= contact * fps <= lowest + 1:
            touching = start - pull * contact**2 / 2
    below = STILL_CAMERA.height - touching + HALF_HEIGHT[thing.shape] * thing.size
    return pull * STILL_CAMERA.height / below


def _line(x: Tensor, y: Tensor) -> tuple[float, float]:
    """Offset and slope of the straight line that fits points (N,) best."""
    solved = torch.linalg.lstsq(torch.stack((torch.ones_like(x), x), dim=1), y).solution
    return float(solved[0]), float(solved[1])
