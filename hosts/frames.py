"""Clips that a VAE takes, and what brings others to such a size."""

from torch import Tensor

from ..media import FrameStream
from ..models.latent_format import LatentFormat
from ..models.shapes import VideoShape


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
