"""Reject clip sizes that the VAE, the patches or the machine cannot handle."""

import math
from collections.abc import Collection

from torch import Tensor

from ...hosts import host
from ...media import FrameStream, check_pixels
from ...media.fit import Steps
from ...media.memory import whole_memory
from ...models.latent_format import LatentFormat
from ...models.patchify import PATCH
from ...models.shapes import LatentShape, VideoShape
from ...samplers.checks import has_streams
from .ahead import HOLDING

COLOURS = 3

AS_FILE = "use Decode to Video File, which holds a few frames at a time, or "

_FLOAT, _GIGA = 4, 1e9


def size_problem(
    latent: LatentFormat,
    width: int | None,
    height: int | None,
    frames: int | None,
    *,
    patch: int = 1,
    loop: bool = False,
    held: bool = False,
) -> bool | str:
    """Return what ``validate_inputs`` answers: True, or the problem with the nearest sizes.

    None means that a value is only known when the graph runs; it is not checked.
    """
    step = latent.space_factor * patch
    shortest = latent.time_factor if loop else 1
    shape = VideoShape(frames or shortest, height or step, width or step)
    try:
        check_size(latent, shape, patch=patch, loop=loop, held=held)
    except ValueError as error:
        return str(error)
    return True


def check_size(
    latent: LatentFormat,
    shape: VideoShape,
    *,
    patch: int = 1,
    loop: bool = False,
    held: bool = False,
) -> None:
    """Reject a size that does not suit the VAE and the patches, or a latent too large for memory.

    Args:
        latent: format of the VAE's latents.
        shape: of the clip.
        patch: rows and columns of a patch.
        loop: whether its time is a circle.
        held: whether all of its frames are also held, as one tensor.

    Raises:
        ValueError: names the nearest sizes, the longest clip that fits into memory, or the limit
            on what a workflow may request.
    """
    latent.compression.check(shape, patch=patch, loop=loop)
    if held:
        check_held(shape)
    one = math.prod(latent.compression.latent_shape(shape._replace(frames=1)))
    lengths = (shape.frames - 1) // latent.time_factor
    _check_memory(shape, latent.channels * one, lengths, latent.time_factor, "its latent")
    check_pixels(*shape)


def check_held(shape: VideoShape, advice: str = "") -> None:
    """Reject frames that this machine cannot hold as one tensor.

    Args:
        shape: of the clip.
        advice: an alternative to generating fewer frames.

    Raises:
        ValueError: names the longest clip that fits into memory.
    """
    one = COLOURS * shape.height * shape.width
    _check_memory(shape, one, shape.frames - 1, 1, "its frames as one tensor", advice)


def check_ahead(shape: VideoShape, types: Collection[str]) -> None:
    """Reject a clip if the graph will hold its frames as one tensor that does not fit into memory.

    Args:
        shape: of the clip.
        types: of the nodes that its latent goes through.

    Raises:
        ValueError: names the longest clip that fits into memory.
    """
    if not host().models.streams_frames and HOLDING & set(types):
        check_held(shape, AS_FILE)


def check_decoded(form: LatentFormat, samples: Tensor, *, loop: bool = False) -> None:
    """Refuse to decode frames that the host would hold as one tensor and memory cannot.

    Args:
        form: format of the VAE's latents.
        samples: (B, C, F, H, W); other shapes are not checked.
        loop: whether time is a circle.

    Raises:
        ValueError: names the longest clip that fits into memory.
    """
    if has_streams(samples) or samples.ndim != 5 or host().models.streams_frames:
        return
    shape = form.compression.video_shape(LatentShape(*samples.shape[2:]), loop=loop)
    check_held(shape._replace(frames=shape.frames * len(samples)), AS_FILE)


def _check_memory(
    shape: VideoShape, one: int, more: int, frames: int, what: str, advice: str = ""
) -> None:
    """Check that memory holds ``1 + more`` parts of ``one`` numbers each.

    The first part covers one frame, each further one ``frames`` frames.
    """
    memory, needed = whole_memory(), one * (1 + more) * _FLOAT
    if memory is None or needed <= memory:
        return
    fitting = memory // (one * _FLOAT) - 1
    longest = 1 + fitting * frames
    fits = f"use at most {longest} frames of this size" if fitting >= 0 else "use a smaller size"
    raise ValueError(
        f"{shape.frames} frames of {shape.width}x{shape.height} need {needed / _GIGA:,.0f} GB of "
        f"memory for {what}, but this machine has {memory / _GIGA:,.1f} GB: {advice}{fits}"
    )


def steps_of(form: LatentFormat) -> Steps:
    """Steps of a video model with the usual patches; an image VAE takes any number of frames."""
    return Steps(side=form.space_factor * PATCH[1], frames=form.time_factor)


def check_frames(images: Tensor | FrameStream, latent: LatentFormat) -> None:
    """Reject frames (F, H, W, 3 or more) that the VAE does not take, and name the remedy.

    Raises:
        ValueError: names the nearest length or side that fits.
    """
    frames, height, width = images.shape[:3]
    try:
        latent.compression.check(VideoShape(frames, height, width))
    except ValueError as error:
        raise ValueError(
            f"the VAE cannot encode {frames} frames of {width}x{height}: {error}. The Fit Video "
            "node makes any clip fit"
        ) from None
