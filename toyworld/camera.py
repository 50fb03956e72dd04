"""A pinhole camera above the floor: its path, rays through pixels, projections, field of view.

World axes: x right, y up, z away from the camera, in units; the floor is the plane y = 0.
Pixel positions are continuous: the image's left and upper edges are 0, the first pixel's centre
is 0.5.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from .easing import eased

NEAREST_DEPTH = 0.05
ORBIT_RADIUS = 6.0
"""Horizontal distance in units from the camera to the floor point that orbits go around."""

_TURNS = {"pans left": -1.0, "pans right": 1.0, "orbits left": 1.0, "orbits right": -1.0}
_ADVANCES = {"dollies in": 1.0, "dollies out": -1.0}
CAMERA_MOTIONS: tuple[str, ...] = ("still", *_TURNS, *_ADVANCES)


@dataclass(frozen=True, eq=False)
class View:
    """Position and direction of a camera, at any number of moments (...).

    Attributes:
        eye: the camera's position (..., 3) in units.
        yaw: angle to the right of +z (...), in radians.
        pitch: angle downwards (...), in radians.
        field_of_view: across the shorter side of the image (...), in radians.
    """

    eye: Tensor
    yaw: Tensor
    pitch: Tensor
    field_of_view: Tensor

    def at(self, *index: Any) -> View:
        """Return the moments that a tensor index into (...) selects; None adds an axis."""
        eye = self.eye[(*index, slice(None))]
        return View(eye, *(part[index] for part in (self.yaw, self.pitch, self.field_of_view)))

    def to(self, device: torch.device | str, dtype: torch.dtype = torch.float32) -> View:
        """Return the same view on another device and in another dtype."""
        parts = (self.eye, self.yaw, self.pitch, self.field_of_view)
        return View(*(part.to(dtype).to(device) for part in parts))

    def axes(self) -> Tensor:
        """Return the camera's right, up and forward directions in the world (3, 3, ...)."""
        cos, sin = torch.cos(self.pitch), torch.sin(self.pitch)
        ahead_x, ahead_z = torch.sin(self.yaw), torch.cos(self.yaw)
        right = (ahead_z, torch.zeros_like(cos), -ahead_x)
        up = (ahead_x * sin, cos, ahead_z * sin)
        forward = (ahead_x * cos, -sin, ahead_z * cos)
        return torch.stack([torch.stack(axis) for axis in (right, up, forward)])

    def focal_length(self, height: int, width: int) -> Tensor:
        """Return the focal length (...) in pixels for an image of `height` x `width` pixels."""
        return min(height, width) / 2 / torch.tan(self.field_of_view / 2)

    def slopes(self, x: Tensor, y: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
        """Return the offsets right and up of the axis of pixel positions x, y (...) at depth 1."""
        focal = self.focal_length(height, width)
        return (x - width / 2) / focal, (height / 2 - y) / focal

    def ray_directions(self, x: Tensor, y: Tensor, height: int, width: int) -> Tensor:
        """Return unit directions (3, ...) of the rays through pixel positions x, y (...)."""
        across, above = self.slopes(x, y, height, width)
        scale = torch.rsqrt(across * across + above * above + 1)
        parts = zip(*self.axes(), strict=True)
        return torch.stack([(r * across + u * above + f) * scale for r, u, f in parts])

    def project(self, points: Tensor, height: int, width: int) -> tuple[Tensor, Tensor, Tensor]:
        """Project world points (..., 3) to pixel positions.

        Returns:
            x, y in pixels and the depth along the viewing axis in units, each (...). Points behind
            the camera are projected as if they were just in front of it.
        """
        x, y, z = (points - self.eye).unbind(dim=-1)
        right, up, forward = (axis[0] * x + axis[1] * y + axis[2] * z for axis in self.axes())
        scale = self.focal_length(height, width) / forward.clamp(min=NEAREST_DEPTH)
        return width / 2 + right * scale, height / 2 - up * scale, forward


@dataclass(frozen=True)
class Camera:
    """A camera that is at (0, height, 0) at time 0 and looks along +z, tilted down by `pitch`.

    Args:
        height: units above the floor.
        pitch: radians below the horizontal.
        field_of_view: radians across the shorter side of the image; the longer side sees more.
        motion: one of `CAMERA_MOTIONS`. A pan turns the camera in place, a dolly moves it
            forward or back, an orbit moves it sideways around the floor point `ORBIT_RADIUS` ahead,
            which stays horizontally centred in the image.
        speed: of the motion, in radians per second; for dollies in units per second.
        begin, end: seconds between which it moves, easing in and out; `speed` is then the mean.
            Without an end, it moves steadily from 0 on.

    Raises:
        ValueError: the motion is unknown, or it ends before it begins.
    """

    height: float = 2.0
    pitch: float = math.radians(11.0)
    field_of_view: float = math.radians(42.0)
    motion: str = "still"
    speed: float = 0.0
    begin: float = 0.0
    end: float | None = None

    def __post_init__(self) -> None:
        if self.motion not in CAMERA_MOTIONS:
            names = ", ".join(CAMERA_MOTIONS)
            raise ValueError(f"unknown camera motion {self.motion!r}: use one of {names}")
        if self.end is not None and not 0 <= self.begin < self.end:
            raise ValueError(
                f"a camera that moves from {self.begin} to {self.end} seconds: use a begin of 0 or "
                "more and a later end"
            )

    @property
    def moves(self) -> bool:
        """Whether its view changes with time."""
        return self.motion != "still" and self.speed != 0

    def view(self, seconds: Tensor) -> View:
        """Return where the camera is at each of `seconds` (...), in the tensor's dtype."""
        moved = self._moved(seconds)
        yaw = _TURNS.get(self.motion, 0.0) * self.speed * moved
        x, z = torch.zeros_like(yaw), _ADVANCES.get(self.motion, 0.0) * self.speed * moved
        if self.motion.startswith("orbits"):
            x, z = -ORBIT_RADIUS * torch.sin(yaw), ORBIT_RADIUS * (1 - torch.cos(yaw))
        still = torch.zeros_like(yaw)
        eye = torch.stack((x, still + self.height, z), dim=-1)
        return View(eye, yaw, still + self.pitch, still + self.field_of_view)

    def _moved(self, seconds: Tensor) -> Tensor:
        """Return the number of seconds at `speed` that its motion so far amounts to (...)."""
        if self.end is None:
            return seconds
        return (self.end - self.begin) * eased(seconds, self.begin, self.end)

    def focal_length(self, height: int, width: int) -> float:
        """Return the focal length in pixels for an image of `height` x `width` pixels."""
        return min(height, width) / 2 / math.tan(self.field_of_view / 2)

    def depth(self, y: float, z: float) -> float:
        """Return the distance of the point (any x, y, z) along the viewing axis at time 0."""
        return z * math.cos(self.pitch) + (self.height - y) * math.sin(self.pitch)

    def half_width(self, y: float, z: float) -> float:
        """Return how far left or right of the axis a point at (y, z) can be and still be in view.

        This holds for images of any aspect ratio.
        """
        return self.depth(y, z) * math.tan(self.field_of_view / 2)

    def ray_directions(self, x: Tensor, y: Tensor, height: int, width: int) -> Tensor:
        """Return the `View.ray_directions` at time 0."""
        return self._start(x).ray_directions(x, y, height, width)

    def project(self, points: Tensor, height: int, width: int) -> tuple[Tensor, Tensor, Tensor]:
        """Return the `View.project` at time 0."""
        return self._start(points).project(points, height, width)

    def _start(self, like: Tensor) -> View:
        return self.view(like.new_zeros(()))


STILL_CAMERA = Camera()
"""The default camera of a scene."""
