"""Sizes that are refused before a graph runs."""

from ...models.latent_format import LatentFormat
from ...models.shapes import VideoShape


def size_problem(
    latent: LatentFormat,
    width: int | None,
    height: int | None,
    frames: int | None,
    *,
    patch: int = 1,
) -> bool | str:
    """What ``validate_inputs`` returns for a size: True, or the problem with the nearest sizes.

    None stands for a value that is only known when the graph runs; it is not looked at.
    """
    step = latent.space_factor * patch
    shape = VideoShape(frames or 1, height or step, width or step)
    try:
        latent.compression.check(shape, patch=patch)
    except ValueError as error:
        return str(error)
    return True
