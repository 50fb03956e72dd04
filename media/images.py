"""Read and write image files."""

import logging
import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from .errors import MediaError
from .files import existing_file, replacing
from .memory import check_room
from .pixels import to_bytes

if TYPE_CHECKING:
    from PIL.Image import Image

log = logging.getLogger(__name__)

DEEP_GREY_MAX = 65535

FORMATS = (
    "PNG", "JPEG", "MPO", "WEBP", "GIF", "BMP", "DIB", "TIFF", "AVIF", "JPEG2000", "PPM", "TGA",
    "ICO", "PCX", "SGI", "PSD", "DDS",
)  # fmt: skip
"""Pillow formats of pixels. Others run drawing programs (EPS, WMF) or open further files."""

BYTES_PER_PIXEL = 16
"""Three float32 colours and transparency."""

ROWS = 256
"""Rows of an image processed at a time."""


class LoadedImage(NamedTuple):
    """Pixels `(…, H, W, 3)` in [0, 1] and, if the file has transparency, alpha `(…, H, W)`."""

    pixels: torch.Tensor
    alpha: torch.Tensor | None


def load_image(path: str | os.PathLike[str]) -> LoadedImage:
    """Read an image file upright: pixels `(H, W, 3)`, alpha `(H, W)` (1 = opaque) or None.

    Of an animated file, reads the first image. The missing part of a truncated file is black.

    Raises:
        MediaError: the file is missing, empty, broken or not an image.
    """
    images = load_images(path)
    return LoadedImage(images.pixels[0], None if images.alpha is None else images.alpha[0])


def load_images(path: str | os.PathLike[str]) -> LoadedImage:
    """Read all frames of a (possibly animated) image file that have the first one's size.

    Missing parts of a truncated file stay black, with a logged warning.

    Returns:
        Pixels `(F, H, W, 3)`, and alpha `(F, H, W)` if any frame has transparency.

    Raises:
        MediaError: the file is missing, empty, broken or not an image.
    """
    try:
        return _read(path)
    except MediaError:
        with _ending_early():
            images = _read(path)
    log.warning("%s is damaged or ends early: missing parts are left black", path)
    return images


def _read(path: str | os.PathLike[str]) -> LoadedImage:
    with opened_image(path) as image:
        # MPO holds the same image from several lenses, not a sequence.
        count = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
        return _read_pages(image, count)


@contextmanager
def _ending_early() -> Iterator[None]:
    """Let Pillow read truncated files."""
    from PIL import ImageFile

    before = ImageFile.LOAD_TRUNCATED_IMAGES
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    try:
        yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = before


def probe_image(path: str | os.PathLike[str]) -> None:
    """Read an image file's header, without its pixels.

    Raises:
        MediaError: it cannot be read as an image, or is too large for the free memory.
    """
    with opened_image(path) as image:
        count = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
        check_room(
            count * image.width * image.height * BYTES_PER_PIXEL,
            f"{path} ({image.width}x{image.height}, {count} images)",
        )


def image_tags(path: str | os.PathLike[str]) -> dict[str, str]:
    """Return the texts stored in an image file: PNG chunks and Exif, which WebP uses.

    Raises:
        MediaError: the file is missing, empty, broken or not an image.
    """
    with opened_image(path) as image:
        chunks = {str(key): text for key, text in image.info.items() if isinstance(text, str)}
        texts = [text for text in image.getexif().values() if isinstance(text, str)]
        named = (text.partition(":") for text in texts)
        return {key: text for key, colon, text in named if colon} | chunks


@contextmanager
def opened_image(path: str | os.PathLike[str]) -> Iterator["Image"]:
    """Open an image in one of `FORMATS`, whatever its file name says."""
    from PIL import Image

    file = existing_file(path, "image")
    Image.init()
    formats = [name for name in FORMATS if name in Image.OPEN]
    problems = (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError)
    try:
        with warnings.catch_warnings():  # an image that fits into memory is not a bomb
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(file, formats=formats) as image:
                yield image
    except MediaError:
        raise
    except problems as error:
        raise MediaError(f"{file} cannot be read as an image: {error}") from error


def _read_pages(image: "Image", count: int) -> LoadedImage:
    from PIL import ImageOps

    pixels, alpha, filled = None, None, 0
    for number in range(count):
        image.seek(number)
        page = ImageOps.exif_transpose(image)
        shape = (count, page.height, page.width)
        if pixels is None:
            pixels = torch.empty((*shape, 3))
        if pixels.shape[1:3] != shape[1:]:
            continue
        if alpha is None and _is_transparent(image):
            alpha = torch.ones(shape)
        _fill_page(page, pixels[filled], None if alpha is None else alpha[filled])
        filled += 1
    if pixels is None:
        raise MediaError("the file contains no image")
    return LoadedImage(pixels[:filled], None if alpha is None else alpha[:filled])


def _fill_page(page: "Image", pixels: torch.Tensor, alpha: torch.Tensor | None) -> None:
    """Write an image into pixels (H, W, 3) and alpha (H, W), some rows at a time."""
    for top in range(0, page.height, ROWS):
        bottom = min(top + ROWS, page.height)
        rgba = rgba_of(page.crop((0, top, page.width, bottom)))
        pixels[top:bottom] = torch.from_numpy(rgba[..., :3])
        if alpha is not None:
            alpha[top:bottom] = torch.from_numpy(rgba[..., 3])


def save_image(
    path: str | os.PathLike[str],
    image: torch.Tensor,
    metadata: Mapping[str, str] | None = None,
    *,
    compress_level: int = 4,
    is_unfinished: bool = False,
) -> None:
    """Write a PNG that appears only once complete, with the same bytes for the same input.

    Args:
        path: output file; an existing file is replaced, missing folders are created.
        image: `(H, W, 3)`, `(H, W, 4)` with alpha, or grey `(H, W)` / `(H, W, 1)`, in [0, 1].
        metadata: text chunks, e.g. `prompt` and `workflow` holding JSON.
        compress_level: 0 (fast) to 9 (small).
        is_unfinished: whether the path already marks an unfinished file, so that it can be written
            directly.

    Raises:
        ValueError: the shape is another one or values are not finite.
    """
    from PIL import Image, PngImagePlugin

    if image.ndim == 3 and image.shape[-1] == 1:
        image = image[..., 0]
    if image.ndim != 2 and not (image.ndim == 3 and image.shape[-1] in (3, 4)):
        raise ValueError(f"an image of shape {tuple(image.shape)}: use (H, W, 3 or 4) or (H, W)")
    text = PngImagePlugin.PngInfo()
    for key, value in (metadata or {}).items():
        text.add_text(key, value)
    picture = Image.fromarray(to_bytes(image))
    with nullcontext(path) if is_unfinished else replacing(path) as unfinished:
        picture.save(unfinished, format="PNG", pnginfo=text, compress_level=compress_level)


def _is_transparent(image: "Image") -> bool:
    return "A" in image.getbands() or "transparency" in image.info


def rgba_of(image: "Image") -> np.ndarray:
    """Convert an image to float32 `(H, W, 4)` in [0, 1]; 16-bit grey keeps its depth."""
    if image.mode.startswith("I"):
        grey = np.asarray(image, dtype=np.float32)[..., None] / DEEP_GREY_MAX
        opaque = np.ones_like(grey)
        return np.concatenate([grey, grey, grey, opaque], axis=-1).clip(0, 1)
    return np.asarray(image.convert("RGBA"), dtype=np.float32) / 255
