"""Images <-> files."""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from .errors import MediaError
from .files import existing_file, replacing
from .pixels import to_bytes

if TYPE_CHECKING:
    from PIL.Image import Image

DEEP_GREY_MAX = 65535


class LoadedImage(NamedTuple):
    """Pixels `(…, H, W, 3)` in [0, 1] and, if the file has transparency, alpha `(…, H, W)`."""

    pixels: torch.Tensor
    alpha: torch.Tensor | None


def load_image(path: str | os.PathLike[str]) -> LoadedImage:
    """Read an image file upright: pixels `(H, W, 3)`, alpha `(H, W)` (1 = opaque) or None.

    Of an animated file it is the first picture.

    Raises:
        MediaError: the file is missing, empty, broken or not an image.
    """
    images = load_images(path)
    return LoadedImage(images.pixels[0], None if images.alpha is None else images.alpha[0])


def load_images(path: str | os.PathLike[str]) -> LoadedImage:
    """Read all pictures of a (possibly animated) image file that have the first one's size.

    Returns:
        Pixels `(F, H, W, 3)`, and alpha `(F, H, W)` if any picture has transparency.

    Raises:
        MediaError: the file is missing, empty, broken or not an image.
    """
    from PIL import Image, ImageOps, ImageSequence

    file = existing_file(path, "image")
    try:
        with Image.open(file) as image:
            # MPO holds the same picture from several lenses, not a sequence.
            pages = [image] if image.format == "MPO" else ImageSequence.Iterator(image)
            transparent, rgba = False, []
            for page in pages:
                transparent = transparent or _is_transparent(page)
                rgba.append(_rgba(ImageOps.exif_transpose(page)))
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        raise MediaError(f"{file} cannot be read as an image: {error}") from error
    same = torch.from_numpy(np.stack([page for page in rgba if page.shape == rgba[0].shape]))
    return LoadedImage(same[..., :3].contiguous(), same[..., 3] if transparent else None)


def save_image(
    path: str | os.PathLike[str],
    image: torch.Tensor,
    metadata: Mapping[str, str] | None = None,
    *,
    compress_level: int = 4,
) -> None:
    """Write a PNG that appears only when it is complete, the same bytes for the same input.

    Args:
        path: where to; an existing file is replaced, missing folders are made.
        image: `(H, W, 3)`, `(H, W, 4)` with alpha, or grey `(H, W)` / `(H, W, 1)`, in [0, 1].
        metadata: text chunks, e.g. `prompt` and `workflow` holding JSON.
        compress_level: 0 (fast) to 9 (small).

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
    with replacing(path) as unfinished:
        picture.save(unfinished, format="PNG", pnginfo=text, compress_level=compress_level)


def _is_transparent(image: "Image") -> bool:
    return "A" in image.getbands() or "transparency" in image.info


def _rgba(image: "Image") -> np.ndarray:
    """Convert to float32 `(H, W, 4)` in [0, 1]; grey with 16 bits keeps its depth."""
    if image.mode.startswith("I"):
        grey = np.asarray(image, dtype=np.float32)[..., None] / DEEP_GREY_MAX
        opaque = np.ones_like(grey)
        return np.concatenate([grey, grey, grey, opaque], axis=-1).clip(0, 1)
    return np.asarray(image.convert("RGBA"), dtype=np.float32) / 255
