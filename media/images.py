"""Images <-> files."""

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
"""Of Pillow's: pictures of pixels. Others draw with programs (EPS, WMF) or open further files."""

BYTES_PER_PIXEL = 16
"""Three colours and transparency in float32."""

ROWS = 256
"""Of a picture that are worked on at a time."""


class LoadedImage(NamedTuple):
    """Pixels `(…, H, W, 3)` in [0, 1] and, if the file has transparency, alpha `(…, H, W)`."""

    pixels: torch.Tensor
    alpha: torch.Tensor | None


def load_image(path: str | os.PathLike[str]) -> LoadedImage:
    """Read an image file upright: pixels `(H, W, 3)`, alpha `(H, W)` (1 = opaque) or None.

    Of an animated file it is the first picture; one that ends early is black from there on.

    Raises:
        MediaError: the file is missing, empty, broken or not an image.
    """
    images = load_images(path)
    return LoadedImage(images.pixels[0], None if images.alpha is None else images.alpha[0])


def load_images(path: str | os.PathLike[str]) -> LoadedImage:
    """Read all pictures of a (possibly animated) image file that have the first one's size.

    What a file that ends early has lost stays black, and a warning is logged.

    Returns:
        Pixels `(F, H, W, 3)`, and alpha `(F, H, W)` if any picture has transparency.

    Raises:
        MediaError: the file is missing, empty, broken or not an image.
    """
    try:
        return _read(path)
    except MediaError:
        with _ending_early():
            images = _read(path)
    log.warning("%s is damaged or ends early: what it has lost is left black", path)
    return images


def _read(path: str | os.PathLike[str]) -> LoadedImage:
    with opened_image(path) as image:
        # MPO holds the same picture from several lenses, not a sequence.
        count = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
        return _read_pages(image, count)


@contextmanager
def _ending_early() -> Iterator[None]:
    """Let Pillow read files that end before their picture does."""
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
        MediaError: it cannot be read as an image, or is too large for the memory that is free.
    """
    with opened_image(path) as image:
        count = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
        check_room(
            count * image.width * image.height * BYTES_PER_PIXEL,
            f"{path} ({image.width}x{image.height}, {count} pictures)",
        )


def image_tags(path: str | os.PathLike[str]) -> dict[str, str]:
    """Return the texts that an image file carries beside its pixels: PNG's chunks, WebP's Exif.

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
    """Open a picture in one of the formats that are meant, whatever its name says."""
    from PIL import Image

    file = existing_file(path, "image")
    Image.init()
    formats = [name for name in FORMATS if name in Image.OPEN]
    problems = (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError)
    try:
        with warnings.catch_warnings():  # what fits into memory is no bomb
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
        raise MediaError("the file holds no picture")
    return LoadedImage(pixels[:filled], None if alpha is None else alpha[:filled])


def _fill_page(page: "Image", pixels: torch.Tensor, alpha: torch.Tensor | None) -> None:
    """Write a picture into pixels (H, W, 3) and alpha (H, W), some rows at a time."""
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
    """Write a PNG that appears only when it is complete, the same bytes for the same input.

    Args:
        path: where to; an existing file is replaced, missing folders are made.
        image: `(H, W, 3)`, `(H, W, 4)` with alpha, or grey `(H, W)` / `(H, W, 1)`, in [0, 1].
        metadata: text chunks, e.g. `prompt` and `workflow` holding JSON.
        compress_level: 0 (fast) to 9 (small).
        is_unfinished: whether the path is of a file that nobody takes for complete, so that it is
            written as it is.

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
    """Convert a picture to float32 `(H, W, 4)` in [0, 1]; grey with 16 bits keeps its depth."""
    if image.mode.startswith("I"):
        grey = np.asarray(image, dtype=np.float32)[..., None] / DEEP_GREY_MAX
        opaque = np.ones_like(grey)
        return np.concatenate([grey, grey, grey, opaque], axis=-1).clip(0, 1)
    return np.asarray(image.convert("RGBA"), dtype=np.float32) / 255
