"""The contents of a clip: its setting and style, and the look and motion of each object."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, eq=False)
class ObjectReading:
    """The look and motion of one object.

    Args:
        colour, shape: one of `toyworld.COLOURS` and `toyworld.SHAPES`.
        motion: one of `toyworld.ALL_MOTIONS`; None if too few frames show the object.
        then: the motion that follows, or None.
        turn: time at which that begins, in seconds.
        x, y: its centre in pixels (F,); where not seen, as in the nearest frame that shows it.
        height: its height in pixels as seen from the side (F,).
        area: number of its visible pixels (F,).
        seen: whether any of it is visible (F,) bool.
        place: its centre (F, 3) in units as in `toyworld`: right, up and away from the camera's
            foot; where not seen, as for x and y.
        size: size in units.
        misfit: squared colour difference from the solid that it is read as, summed over an image
            of it at size 1, averaged over the frames that show it whole.
    """

    colour: str
    shape: str
    motion: str | None
    then: str | None
    turn: float | None
    x: Tensor
    y: Tensor
    height: Tensor
    area: Tensor
    seen: Tensor
    place: Tensor
    size: float
    misfit: float


@dataclass(frozen=True)
class ClipReading:
    """The contents of a clip.

    Args:
        setting, style: one of `toyworld.SETTINGS` and `toyworld.STYLES`.
        objects: its objects, the largest in the image first.
    """

    setting: str
    style: str
    objects: tuple[ObjectReading, ...]

    @property
    def colour(self) -> str | None:
        """The largest object's colour."""
        return self.objects[0].colour if self.objects else None

    @property
    def motion(self) -> str | None:
        """The largest object's motion."""
        return self.objects[0].motion if self.objects else None
