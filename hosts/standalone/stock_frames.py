"""ComfyUI's own nodes that resize and select images, for the standalone host."""

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from ...media import check_pixels, check_room
from . import io

LARGEST_SIDE = 16384

_FLOAT = 4
METHODS = ("nearest-exact", "bilinear", "area", "bicubic", "lanczos")
CROPS = ("disabled", "center")


class ImageScale(io.ComfyNode):
    """Resizes images."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """As in ComfyUI."""
        return io.Schema(
            node_id="ImageScale",
            display_name="Upscale Image",
            category="image/upscaling",
            inputs=[
                io.Image.Input("image", tooltip="The images."),
                io.Combo.Input(
                    "upscale_method", options=list(METHODS), tooltip="Interpolation of pixels."
                ),
                *(
                    io.Int.Input(
                        name,
                        default=512,
                        min=0,
                        max=LARGEST_SIDE,
                        step=1,
                        tooltip="In pixels; 0 keeps the proportions.",
                    )
                    for name in ("width", "height")
                ),
                io.Combo.Input(
                    "crop", options=list(CROPS), tooltip="Whether to crop the sides or to stretch."
                ),
            ],
            outputs=[io.Image.Output()],
        )

    @classmethod
    def execute(
        cls, image: Tensor, upscale_method: str, width: int, height: int, crop: str
    ) -> io.NodeOutput:
        """Resize; a side of 0 follows from the other."""
        if width == height == 0:
            return io.NodeOutput(image)
        rows, columns = image.shape[1:3]
        width = width or max(1, round(columns * height / rows))
        height = height or max(1, round(rows * width / columns))
        check_pixels(len(image), height, width)
        check_room(
            len(image) * height * width * image.shape[3] * _FLOAT,
            f"{len(image)} images of {width}x{height}",
        )
        return io.NodeOutput(scaled(image, width, height, upscale_method, crop))


def scaled(image: Tensor, width: int, height: int, method: str, crop: str) -> Tensor:
    """Resize images (F, H, W, C) as ComfyUI does, without torch's ``antialias`` when they shrink.

    Args:
        image: the images.
        width, height: in pixels.
        method: one of ``METHODS``.
        crop: "center" first crops the sides to the new proportions, "disabled" stretches.
    """
    planes = image.movedim(-1, 1)
    if crop == "center":
        planes = _middle(planes, width / height)
    if method == "lanczos":
        return _by_lanczos(planes.movedim(1, -1), (width, height))
    return F.interpolate(planes, size=(height, width), mode=method).movedim(1, -1)


def _middle(planes: Tensor, aspect: float) -> Tensor:
    rows, columns = planes.shape[-2:]
    given, left, top = columns / rows, 0, 0
    if given > aspect:
        left = round((columns - columns * (aspect / given)) / 2)
    elif given < aspect:
        top = round((rows - rows * (given / aspect)) / 2)
    return planes.narrow(-2, top, rows - 2 * top).narrow(-1, left, columns - 2 * left)


def _by_lanczos(image: Tensor, size: tuple[int, int]) -> Tensor:
    import numpy as np
    from PIL import Image

    def resized(picture: Tensor) -> Tensor:
        whole = Image.fromarray((picture * 255).clamp(0, 255).byte().numpy())
        return torch.from_numpy(np.array(whole.resize(size, Image.Resampling.LANCZOS)))

    return (
        torch.stack([resized(picture.cpu()) for picture in image]).float().div(255).to(image.device)
    )


class ImageFromBatch(io.ComfyNode):
    """Takes a range of images from a batch."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """As in ComfyUI."""
        return io.Schema(
            node_id="ImageFromBatch",
            display_name="ImageFromBatch",
            category="image/batch",
            inputs=[
                io.Image.Input("image", tooltip="The images."),
                io.Int.Input(
                    "batch_index",
                    default=0,
                    min=0,
                    max=4095,
                    tooltip="Number of the first image, from 0.",
                ),
                io.Int.Input("length", default=1, min=1, max=4096, tooltip="Number of images."),
            ],
            outputs=[io.Image.Output()],
        )

    @classmethod
    def execute(cls, image: Tensor, batch_index: int, length: int) -> io.NodeOutput:
        """Take the images, up to the last one there is."""
        first = min(len(image) - 1, batch_index)
        return io.NodeOutput(image[first : first + length].clone())


NODES = [ImageScale, ImageFromBatch]
