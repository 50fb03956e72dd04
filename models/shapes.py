"""Sizes of videos and latents as named tuples, the vocabulary of all shape arithmetic."""

from typing import NamedTuple


class VideoShape(NamedTuple):
    """Pixels of a clip: frames, rows, columns."""

    frames: int
    height: int
    width: int


class LatentShape(NamedTuple):
    """Latent positions of a clip: latent frames, rows, columns."""

    frames: int
    height: int
    width: int
