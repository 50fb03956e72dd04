"""A pinhole camera above the floor: rays through pixels, projections of points, room in view.

World axes: x right, y up, z away from the camera, in units; the floor is the plane y = 0.
Pixel positions are continuous: the image's left and upper edges are 0, the first pixel's centre
is 0.5.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

NEAREST_DEPTH = 0.05


@dataclass(frozen=True)
class Camera:
    """Stand still at (0, height, 0), look along +z and down by `pitch`.

    Args:
        height: units above the floor.
        pitch: radians below the horizontal.
        field_of_view: radians across the shorter side of the picture; the longer side sees more.
    """

    height: float = 2.0
    pitch: float = math.radians(11.0)
    field_of_view: float = math.radians(42.0)

    def focal_length(self, height: int, width: int) -> float:
        """Return the focal length in pixels of a picture of `height` x `width` pixels."""
        return min(height, width) / 2 / math.tan(self.field_of_view / 2)

    def depth(self, y: float, z: float) -> float:
        """Return the distance of the point (any x, y, z) along the viewing axis."""
        return z * math.cos(self.pitch) + (self.height - y) * math.sin(self.pitch)

    def half_width(self, y: float, z: float) -> float:
        """Return how far left or right of the axis a point at (y, z) is seen in any picture."""
        return self.depth(y, z) * math.tan(self.field_of_view / 2)

    def ray_directions(self, x: Tensor, y: Tensor, height: int, width: int) -> Tensor:
        """Return unit directions (3, ...) of the rays through pixel positions x, y (...)."""
        focal = self.focal_length(height, width)
        right = (x - width / 2) / focal
        up = (height / 2 - y) / focal
        scale = torch.rsqrt(right * right + up * up + 1)
        cos, sin = math.cos(self.pitch), math.sin(self.pitch)
        return torch.stack((right * scale, (up * cos - sin) * scale, (up * sin + cos) * scale))

    def project(self, points: Tensor, height: int, width: int) -> tuple[Tensor, Tensor, Tensor]:
        """Project world points (..., 3) to pixel positions.

        Returns:
            x, y in pixels and the depth along the viewing axis in units, each (...). Points behind
            the camera are projected as if they were just in front of it.
        """
        focal = self.focal_length(height, width)
        cos, sin = math.cos(self.pitch), math.sin(self.pitch)
        right, above, ahead = points[..., 0], points[..., 1] - self.height, points[..., 2]
        depth = ahead * cos - above * sin
        scale = focal / depth.clamp(min=NEAREST_DEPTH)
        return width / 2 + right * scale, height / 2 - (above * cos + ahead * sin) * scale, depth


STILL_CAMERA = Camera()
"""The camera that every clip has unless its scene says otherwise."""
