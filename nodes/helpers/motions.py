"""What the nodes of drawn motion share: tracks, masks and pictures that belong together."""

from typing import Any

from torch import Tensor

from ...hosts import io
from ...media.fit import Size
from ...motion import Tracks, read_tracks

FLOW = "SPACETIME_FLOW"
"""The socket of a ``Flow``."""


def tracks_input(what: str, *, optional: bool = False) -> Any:
    """Tracks from another node."""
    return io.String.Input(
        "tracks",
        force_input=True,
        optional=optional,
        tooltip=f"{what} JSON as trajectory nodes write it: a list of tracks, each a list of x and "
        "y in pixels, one for each frame.",
    )


def tracks_output() -> Any:
    """Tracks for another node."""
    return io.String.Output(
        display_name="tracks",
        tooltip="JSON, for Drag and Animate, Show Tracks, or other packs' trajectory nodes.",
    )


def size_of(image: Tensor) -> Size:
    """Of pictures (B, H, W, C)."""
    return Size(*image.shape[1:3])


def mask_over(mask: Tensor | None, size: Size, name: str = "mask") -> Tensor | None:
    """The first of masks (B, H, W) that belong to a picture, as (H, W) float32.

    Raises:
        ValueError: it is black all over, or has another size than the picture.
    """
    if mask is None:
        return None
    first = mask[0].float().cpu()
    if not (first > 0.5).any():
        raise ValueError(
            f"no pixel of {name} is above one half (the most is {float(first.max()):g}): paint it "
            "white where something shall move (Load Image: Open in MaskEditor), or invert it"
        )
    if tuple(first.shape) != size:
        raise ValueError(
            f"{name} has {first.shape[1]}x{first.shape[0]} pixels and the picture "
            f"{size.width}x{size.height}: give the mask of the same picture"
        )
    return first


def tracks_over(tracks: str | None, image: Tensor, frames: int) -> Tracks | None:
    """Tracks over a picture, brought to a number of frames.

    Raises:
        ValueError: they cannot be read.
    """
    return None if tracks is None else read_tracks(tracks, size_of(image)).resampled(frames)
