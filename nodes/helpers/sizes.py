"""Sizes of clips that the VAE, the patches or the machine do not take."""

import math

from torch import Tensor

from ...media import FrameStream
from ...media.fit import Steps
from ...media.memory import whole_memory
from ...models.latent_format import LatentFormat
from ...models.patchify import PATCH
from ...models.shapes import VideoShape

_FLOAT, _GIGA = 4, 1e9


def size_problem(
    latent: LatentFormat,
    width: int | None,
    height: int | None,
    frames: int | None,
    *,
    patch: int = 1,
    loop: bool = False,
) -> bool | str:
    """What ``validate_inputs`` returns for a size: True, or the problem with the nearest sizes.

    None stands for a value that is only known when the graph runs; it is not looked at.
    """
    step = latent.space_factor * patch
    shortest = latent.time_factor if loop else 1
    shape = VideoShape(frames or shortest, height or step, width or step)
    try:
        check_size(latent, shape, patch=patch, loop=loop)
    except ValueError as error:
        return str(error)
    return True


def check_size(
    latent: LatentFormat, shape: VideoShape, *, patch: int = 1, loop: bool = False
) -> None:
    """Refuse what does not fit the VAE and the patches, or this machine.

    Raises:
        ValueError: names the nearest sizes, or the longest clip that the memory holds.
    """
    latent.compression.check(shape, patch=patch, loop=loop)
    memory, needed = whole_memory(), _bytes_of(latent, shape)
    if memory is None or needed <= memory:
        return
    one = _bytes_of(latent, shape._replace(frames=1))
    each = _bytes_of(latent, shape._replace(frames=1 + latent.time_factor)) - one
    more = (memory - one) // each * latent.time_factor
    fits = f"use at most {1 + more} frames of this size" if more >= 0 else "use a smaller size"
    raise ValueError(
        f"{shape.frames} frames of {shape.width}x{shape.height} need {needed / _GIGA:,.0f} GB of "
        f"memory for the latent and its frames, this machine has {memory / _GIGA:,.1f} GB: {fits}"
    )


def steps_of(form: LatentFormat) -> Steps:
    """Of a video model with the usual patches; an image VAE takes any number of frames."""
    return Steps(side=form.space_factor * PATCH[1], frames=form.time_factor)


def check_frames(images: Tensor | FrameStream, latent: LatentFormat) -> None:
    """Refuse frames (F, H, W, 3 or more) that the VAE does not take, with the remedy.

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


def _bytes_of(latent: LatentFormat, shape: VideoShape) -> int:
    """Of a latent and of the frames that it decodes to, in float32."""
    numbers = latent.channels * math.prod(latent.compression.latent_shape(shape)) + 3 * math.prod(
        shape
    )
    return numbers * _FLOAT
