"""What the points of a picture do when the camera moves.

The picture stands before a pinhole camera whose focal length is the picture's width. A point's
nearness is 1 at the white end of a depth map and 0 at the black one; points at the nearness of the
plane lie at distance 1.

N tracks, F frames.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..media.fit import Size
from .easing import Easing, progress
from .tracks import Tracks

GRID = 12
"""Tracks from one side of a picture to the other, along the longer side."""

_MOST_APART = 0.5
"""How much the inverse distances of the nearest and the farthest points differ from the plane's, at
most."""

_NEAREST = 0.05
"""Distance from the camera below which a point is no longer seen."""


@dataclass(frozen=True, kw_only=True)
class CameraMove:
    """A motion of the camera, all of whose parts happen at the same time.

    Args:
        pan: degrees that it turns to the right.
        tilt: degrees that it turns up.
        roll: degrees that it turns clockwise about its axis.
        zoom: factor of the focal length at the end.
        dolly: how far it drives forward, as a share of the distance to the plane.
        orbit: degrees that it goes to the right around the middle of the plane, which it looks at.
        start, end: when, as shares of the clip's time.
        easing: of the motion.

    Raises:
        ValueError: it zooms by nothing, or drives into the plane.
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
            raise ValueError(f"zoom={self.zoom:g}: use 2 for twice as near, 0.5 for half as near")
        if self.dolly >= 1:
            raise ValueError(
                f"dolly={self.dolly:g} drives into the plane: use less than 1, such as 0.4"
            )


def grid(size: Size) -> Tensor:
    """Places (N, 2) spread evenly over a picture."""
    step = max(size) / GRID
    rows, columns = (max(1, round(side / step)) for side in size)
    y, x = (
        (torch.arange(count) + 0.5) * side / count
        for count, side in ((rows, size.height), (columns, size.width))
    )
    return torch.cartesian_prod(y, x).flip(1)


def filled_up(tracks: Tracks | None, size: Size, frames: int) -> Tracks:
    """Tracks that begin all over the picture: standing points where none begins yet.

    Args:
        tracks: to begin with, if any.
        size: of the picture.
        frames: of the standing points, and of the tracks.
    """
    places = grid(size)
    if tracks is not None:
        apart = torch.cdist(places, tracks.starts).amin(1)
        places = places[apart > max(size) / GRID / 2]
    still = places[:, None].expand(-1, frames, -1)
    if tracks is None:
        return Tracks.seen(still)
    return tracks.with_more(Tracks.seen(still)) if len(places) else tracks


def seen_by(
    move: CameraMove, tracks: Tracks, size: Size, nearness: Tensor | None = None, plane: float = 0.5
) -> Tracks:
    """Where points go that also move by themselves, before a moving camera.

    Args:
        move: of the camera.
        tracks: over a picture as the camera would show it at rest.
        size: of the picture.
        nearness: (N,) in [0, 1] of each track; all lie on the plane if None.
        plane: its nearness.
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
"""Points x, y, z (N, F) before the camera, and the share of the motion (F,) -> points."""


def _turns(move: CameraMove) -> tuple[Turn, ...]:
    """The parts of a motion as they act on what the camera sees."""

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
    """A plane turned by angles, from its second axis to its first."""
    angle = torch.deg2rad(degrees)
    cos, sin = angle.cos(), angle.sin()
    return cos * first + sin * second, cos * second - sin * first
