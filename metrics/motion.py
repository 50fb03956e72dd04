"""Name the motion of one tracked object of the toy world."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from ..toyworld.camera import STILL_CAMERA

FEWEST_FRAMES = 5

_CENTRE_HEIGHT = 0.65
_HOP = 0.35
_STEP_ASIDE = 0.25
_STEP_AHEAD = 0.5
_WIDTH_OF_CIRCLE = 0.4
_BEND_ASIDE = 0.14
_BEND_AHEAD = 0.35
_SHIMMER = 0.02


class Path(NamedTuple):
    """The track of one object: frame numbers, centre x and y and apparent height in
    pixels, each (F,), and how much the colours inside of it change."""

    frame: Tensor
    x: Tensor
    y: Tensor
    size: Tensor
    change: float


def read_motion(path: Path, height: int, width: int) -> str:
    """Return the name of the motion that a path in pictures of `height` x `width` shows.

    The apparent height gives the distance (its scale from where the object meets the floor), the
    distance turns pixels into units, and the units tell the motions apart.
    """
    aside, up, ahead = _world(path, height, width)
    if _span(up) > _HOP:
        return "bounces"
    step_aside, bend_aside = _line(path.frame, aside)
    step_ahead, bend_ahead = _line(path.frame, ahead)
    if _span(aside) < _STEP_ASIDE and abs(step_ahead) < _STEP_AHEAD:
        return "spins" if path.change > _SHIMMER else "stays still"
    bent = bend_aside > _BEND_ASIDE or bend_ahead > _BEND_AHEAD
    if bent and _span(aside) > _WIDTH_OF_CIRCLE:
        return "circles"
    if 2 * abs(step_aside) > abs(step_ahead):
        return "moves left" if step_aside < 0 else "moves right"
    return "comes closer" if step_ahead < 0 else "goes away"


def _world(path: Path, height: int, width: int) -> tuple[Tensor, Tensor, Tensor]:
    """The path in units: x, y and z (F,) of the object's centre."""
    focal = STILL_CAMERA.focal_length(height, width)
    drop = STILL_CAMERA.height - _CENTRE_HEIGHT
    angle = STILL_CAMERA.pitch + torch.atan((path.y - height / 2) / focal)
    lowest = angle.amax().clamp(min=math.radians(4))
    reference = path.size[angle.argmax()]
    ahead = drop / torch.tan(lowest) * reference / path.size
    aside = (path.x - width / 2) / focal * ahead
    return aside, STILL_CAMERA.height - ahead * torch.tan(angle), ahead


def _line(frame: Tensor, values: Tensor) -> tuple[float, float]:
    """How far the best straight line through the values goes, and how far they leave it."""
    time = frame - frame.mean()
    slope = (time * values).sum() / (time * time).sum()
    rest = values - values.mean() - slope * time
    return float(slope * _span(frame)), _span(rest)


def _span(values: Tensor) -> float:
    return float(values.amax() - values.amin())
