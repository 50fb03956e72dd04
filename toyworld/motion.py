"""Where an object is at a time: position and turn as exact functions of seconds."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from .scene import BOUNCE_PERIOD, SceneObject
from .solids import HALF_HEIGHT

_HEADINGS = {
    "moves left": (-1.0, 0.0),
    "moves right": (1.0, 0.0),
    "comes closer": (0.0, -1.0),
    "goes away": (0.0, 1.0),
}


class Pose(NamedTuple):
    """The centre of an object (F, 3) in units and its turn about the vertical (F,) in radians."""

    centre: Tensor
    yaw: Tensor


def pose(thing: SceneObject, seconds: Tensor) -> Pose:
    """Return the pose of `thing` at each of `seconds` (F,); computed in the tensor's dtype."""
    still = torch.zeros_like(seconds)
    x, z = thing.x + still, thing.z + still
    y = HALF_HEIGHT[thing.shape] * thing.size + still
    yaw = thing.yaw + still
    if thing.motion in _HEADINGS:
        towards_x, towards_z = _HEADINGS[thing.motion]
        x = x + towards_x * thing.speed * seconds
        z = z + towards_z * thing.speed * seconds
    elif thing.motion == "bounces":
        y = y + _bounce_height(thing, seconds)
    elif thing.motion == "spins":
        yaw = yaw + thing.speed * seconds
    elif thing.motion == "circles":
        angle = 2 * math.pi * thing.phase + thing.speed * seconds
        x = x + thing.reach * torch.cos(angle)
        z = z + thing.reach * torch.sin(angle)
    return Pose(torch.stack((x, y, z), dim=-1), yaw)


def _bounce_height(thing: SceneObject, seconds: Tensor) -> Tensor:
    """A ball that loses nothing: parabolas of `reach` units, one per `BOUNCE_PERIOD`."""
    part = torch.frac(seconds / BOUNCE_PERIOD + thing.phase)
    return 4 * thing.reach * part * (1 - part)
