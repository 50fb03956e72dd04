"""Thumbnails of files for a gallery."""

import os
from itertools import islice
from typing import TYPE_CHECKING

import torch

from .images import opened_image, rgba_of
from .pixels import to_bytes
from .read import read_video

if TYPE_CHECKING:
    from PIL.Image import Image

_RESIZABLE_AS = {
    **dict.fromkeys(("1", "P", "PA", "LA"), "RGBA"),
    **dict.fromkeys(("I;16", "I;16B", "I;16L", "I;16N"), "I"),
}
"""Pillow modes that are resized badly or not at all, and the mode to convert them to."""

GREY = 0.5
"""Background of transparent images."""


def image_thumbnail(path: str | os.PathLike[str], side: int) -> "Image":
    """Return an upright thumbnail of an image, its longer side at most `side` pixels.

    Of several images, the first one is used.

    Raises:
        MediaError: the file is missing, empty, broken or not an image.
    """
    from PIL import Image, ImageOps

    with opened_image(path) as image:
        image.draft("RGB", (2 * side, 2 * side))  # decodes large JPEGs at a reduced size
        page = ImageOps.exif_transpose(image)
        if page.mode in _RESIZABLE_AS:
            page = page.convert(_RESIZABLE_AS[page.mode])
        page.thumbnail((side, side))
        rgba = torch.from_numpy(rgba_of(page))
    alpha = rgba[..., 3:]
    return Image.fromarray(to_bytes(rgba[..., :3] * alpha + GREY * (1 - alpha)))


def video_thumbnail(path: str | os.PathLike[str], side: int) -> "Image":
    """Return a thumbnail of a video's first frame, its longer side at most `side` pixels.

    Raises:
        MediaError: the file is missing, empty, broken or not a video.
    """
    from PIL import Image

    (frame,) = islice(read_video(path, frames=1, chunk=1), 1)
    picture = Image.fromarray(to_bytes(frame[0]))
    picture.thumbnail((side, side))
    return picture
