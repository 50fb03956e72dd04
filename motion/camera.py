"""Motion of an image's points under a moving camera.

The image stands before a pinhole camera whose focal length is the image's width. A point's
nearness is 1 at the white end of a depth map and 0 at the black end; points at the plane's
nearness lie at distance 1.

N tracks, F frames.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..media.fit import Size
from .easing import Easing, progress
from .tracks import Tracks

GRID, LEAST_STEP = 12, 10.0
"""Number of tracks along the image's longer side, and the least distance between them in pixels."""

_MOST_APART = 0.5
"""Largest difference of the nearest and farthest points' inverse distances from the plane's."""

_NEAREST = 0.05
"""Distance from the camera below which a point is no longer visible."""


@dataclass(frozen=True, kw_only=True)
class CameraMove:
    """A camera motion whose parts all happen at the same time.

    Args:
        pan: degrees that the camera turns right.
        tilt: degrees that it turns up.
        roll: degrees that it turns clockwise about its axis.
        zoom: factor of the focal length at the end.
        dolly: how far it moves forward, as a share of the distance to the plane.
        orbit: degrees that it moves to the right around the middle of the plane, facing it.
        start, end: beginning and end, as shares of the clip's duration.
        easing: of the motion.

    Raises:
        ValueError: ``zoom`` is not positive, or ``dolly`` reaches the plane.
    """

    pan: float = 0.0
    tilt: float = 0.0
    roll: float = 0.0
    zoom: float = 1.0
    dolly: float = 0.0
    orbit: float = 0.0
    start: float = 0.0
    end: float = 1.0
    easing: Easing = "linear"

    def __post_init__(self) -> None:
        if self.zoom <= 0:
            raise ValueError(
                f"zoom={self.zoom:g}: use a positive number, such as 2 for twice as "
                "near or 0.5 for half as near"
            )
        if self.dolly >= 1:
            raise ValueError(
                f"dolly={self.dolly:g} drives into the plane: use less than 1, such as 0.4"
            )


def grid(size: Size) -> Tensor:
    """Positions (N, 2) spread evenly over an image."""
    step = _step(size)
    rows, columns = (max(1, round(side / step)) for side in size)
    y, x = (
        (torch.arange(count) + 0.5) * side / count
        for count, side in ((rows, size.height), (columns, size.width))
    )
    return torch.cartesian_prod(y, x).flip(1)


def _step(size: Size) -> float:
    """Distance between tracks in pixels."""
    return max(max(size) / GRID, LEAST_STEP)


def filled_up(tracks: Tracks | None, size: Size, frames: int) -> Tracks:
    """Add still points wherever no track begins, so that tracks cover the image.

    Args:
        tracks: existing tracks, if any.
        size: of the image.
        frames: of the still points, and of the tracks.
    """
    places = grid(size)
    if tracks is not None:
        apart = torch.cdist(places, tracks.starts).amin(1)
        places = places[apart > _step(size) / 2]
    still = places[:, None].expand(-1, frames, -1)
    if tracks is None:
        return Tracks.seen(still)
    return tracks.with_more(Tracks.seen(still)) if len(places) else tracks


def seen_by(
    move: CameraMove, tracks: Tracks, size: Size, nearness: Tensor | None = None, plane: float = 0.5
) -> Tracks:
    """Move points, which may also move on their own, as a moving camera sees them.

    Args:
        move: of the camera.
        tracks: over an image as the camera shows it at rest.
        size: of the image.
        nearness: (N,) in [0, 1] of each track; if None, all lie on the plane.
        plane: nearness of the plane.
    """
    way = progress(tracks.frames, move.easing, move.start, move.end).double()  # (F,)
    away = _MOST_APART / max(plane, 1 - plane)
    inverse = torch.ones(len(tracks)) if nearness is None else 1 + away * (nearness - plane)
    depth = (1 / inverse.clamp(min=0.1)).double()[:, None]  # (N, 1)
    middle = torch.tensor([size.width, size.height], dtype=torch.float64) / 2
    x, y = ((tracks.places.double() - middle) / size.width * depth[..., None]).unbind(2)
    z = depth.expand_as(x)
    for turn in _turns(move):
        x, y, z = turn(x, y, z, way)
    there = z > _NEAREST
    focal = size.width * move.zoom**way / z.clamp(min=_NEAREST)
    places = middle + torch.stack([x, y], dim=2) * focal[..., None]
    return Tracks(places.float(), tracks.visible & there)


Turn = Callable[[Tensor, Tensor, Tensor, Tensor], tuple[Tensor, Tensor, Tensor]]
"""Map points x, y, z (N, F) before the camera and the motion's progress (F,) to points."""


def _turns(move: CameraMove) -> tuple[Turn, ...]:
    """The parts of a motion, as they act on what the camera sees."""

    def orbit(x: Tensor, y: Tensor, z: Tensor, way: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        turned, behind = _rotated(x, z - 1, move.orbit * way)
        return turned, y, behind + 1

    def dolly(x: Tensor, y: Tensor, z: Tensor, way: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return x, y, z - move.dolly * way

    def pan(x: Tensor, y: Tensor, z: Tensor, way: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        turned, deep = _rotated(x, z, -move.pan * way)
        return turned, y, deep

    def tilt(x: Tensor, y: Tensor, z: Tensor, way: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        turned, deep = _rotated(y, z, move.tilt * way)
        return x, turned, deep

    def roll(x: Tensor, y: Tensor, z: Tensor, way: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        across, down = _rotated(x, y, move.roll * way)
        return across, down, z

    return orbit, dolly, pan, tilt, roll


def _rotated(first: Tensor, second: Tensor, degrees: Tensor) -> tuple[Tensor, Tensor]:
    """Rotate a plane by angles, from its second axis to its first."""
    angle = torch.deg2rad(degrees)
    cos, sin = angle.cos(), angle.sin()
    return cos * first + sin * second, cos * second - sin * first
