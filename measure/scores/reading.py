"""What a clip shows: its setting and style, and what each object is like and does."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, eq=False)
class ObjectReading:
    """Say what one object is like and what it does.

    Args:
        colour, shape: one of `toyworld.COLOURS` and `toyworld.SHAPES`.
        motion: one of `toyworld.ALL_MOTIONS`; None if it is seen in too few frames to tell.
        then: the motion that follows, or None.
        turn: when that begins, in seconds.
        x, y: its centre in pixels (F,); where not seen, as in the nearest frame that shows it.
        height: how high it would be in pixels if it was seen from the side (F,).
        area: how many pixels of it are seen (F,).
        seen: whether any of it is (F,) bool.
        place: its centre (F, 3) in units as in `toyworld`: right, up and away from the camera's
            foot; as x and y where it is not seen.
        size: in units.
        misfit: squared difference of colour to the solid that it is read as, summed over a picture
            of it in which its size is 1, on average over the frames that show it wholly.
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
    """Say what a clip shows.

    Args:
        setting, style: one of `toyworld.SETTINGS` and `toyworld.STYLES`.
        objects: the largest in the picture first.
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
