"""Tracks, masks and images shared by the nodes of drawn motion."""

from typing import Any

from torch import Tensor

from ...hosts import io
from ...media.fit import Size
from ...models.latent_format import WAN21_LATENT, WAN22_LATENT
from ...models.shapes import LatentShape, VideoShape
from ...motion import Tracks, read_tracks
from .timelines import known_timeline


def tracks_input(what: str, *, optional: bool = False) -> Any:
    """Input for tracks from another node."""
    return io.String.Input(
        "tracks",
        force_input=True,
        optional=optional,
        tooltip=f"{what} JSON as trajectory nodes write it: a list of tracks, each a list of x and "
        "y in pixels, one entry per frame.",
    )


def tracks_output() -> Any:
    """Output for tracks."""
    return io.String.Output(
        display_name="tracks",
        tooltip="JSON, for Drag and Animate, Show Tracks, or other packs' trajectory nodes.",
    )


def size_of(image: Tensor) -> Size:
    """Size of images (B, H, W, C)."""
    return Size(*image.shape[1:3])


def mask_over(mask: Tensor | None, size: Size, name: str = "mask") -> Tensor | None:
    """The first of an image's masks (B, H, W) as (H, W) float32.

    Raises:
        ValueError: none of its pixels is above 0.5, or its size differs from the image's.
    """
    if mask is None:
        return None
    first = mask[0].float().cpu()
    if not (first > 0.5).any():
        raise ValueError(
            f"no pixel of {name} is above 0.5 (the highest is {float(first.max()):g}): paint it "
            "white over whatever should move (Load Image: Open in MaskEditor), or invert it"
        )
    if tuple(first.shape) != size:
        raise ValueError(
            f"{name} has {first.shape[1]}x{first.shape[0]} pixels, but the image has "
            f"{size.width}x{size.height}: connect the mask of the same image"
        )
    return first


def tracks_over(tracks: str | None, image: Tensor, frames: int) -> Tracks | None:
    """Tracks over an image, resampled to a number of frames.

    Raises:
        ValueError: they cannot be read.
    """
    return None if tracks is None else read_tracks(tracks, size_of(image)).resampled(frames)


def over_clip(tracks: Tracks, size: Size, latent: dict[str, Any]) -> tuple[Tracks, Size]:
    """Return tracks in the frames and pixels of a timeline's clip, and the clip's size.

    After the end of the tracks, points stand still; in a loop they wrap around.

    Args:
        tracks: over an image that is fitted to the clip's size as in timeline nodes.
        size: of the image.
        latent: of the clip.

    Raises:
        ValueError: the latent is not a video latent.
    """
    shape, loop = _shape_of(latent), bool(latent.get("loop"))
    new = Size(shape.height, shape.width)
    return tracks.at(range(shape.frames), loop=loop).fitted(size, new), new


def _shape_of(latent: dict[str, Any]) -> VideoShape:
    timeline, samples = known_timeline(latent), latent["samples"]
    if timeline is not None:
        return timeline.shape
    if samples.ndim != 5:
        raise ValueError(
            f"a latent of shape {tuple(samples.shape)} is not a video latent (batch, channels, "
            "frames, rows, columns): use Empty Video or a timeline node"
        )
    form = WAN22_LATENT if samples.shape[1] == WAN22_LATENT.channels else WAN21_LATENT
    places, loop = LatentShape(*samples.shape[2:]), bool(latent.get("loop"))
    return form.compression.video_shape(places, loop=loop)
