"""ComfyUI's own image nodes for the standalone host: same ids, inputs and outputs."""

import hashlib

import torch
from torch import Tensor

from ...graph.schema import HiddenHolder
from ...media import load_images, save_image
from . import io, ui
from .folders import folders, found
from .saving import graph_metadata, numbered_output, saved_result, usable_prefix

NO_MASK = (64, 64)
"""Rows and columns of the empty masks that ComfyUI returns for images without transparency."""

CHANNELS = ("alpha", "red", "green", "blue")


class LoadImage(io.ComfyNode):
    """Loads an image file from the input folder, with its transparency."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """List the input folder's images."""
        return io.Schema(
            node_id="LoadImage",
            display_name="Load Image",
            category="image",
            inputs=[
                io.Combo.Input(
                    "image", options=folders().names("image"), upload=io.UploadType.image
                ),
            ],
            outputs=[io.Image.Output(), io.Mask.Output()],
        )

    @classmethod
    def validate_inputs(cls, image: str | None) -> bool | str:
        """Check that the file exists; if not, name some that do."""
        return found(image, "image")

    @classmethod
    def fingerprint_inputs(cls, image: str) -> str:
        """Return a hash of the file's content."""
        content = folders().find(image, "image").read_bytes()
        return hashlib.sha256(content).hexdigest()

    @classmethod
    def execute(cls, image: str) -> io.NodeOutput:
        """Return IMAGE (F, H, W, 3) and MASK (F, H, W), 1 where the file is transparent."""
        loaded = load_images(folders().find(image, "image"))
        empty = torch.zeros(len(loaded.pixels), *NO_MASK)
        mask = empty if loaded.alpha is None else 1 - loaded.alpha
        return io.NodeOutput(loaded.pixels, mask)


class LoadImageMask(io.ComfyNode):
    """Loads one channel of an image file from the input folder as a MASK."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """List the input folder's images."""
        return io.Schema(
            node_id="LoadImageMask",
            display_name="Load Image (as Mask)",
            category="mask",
            inputs=[
                io.Combo.Input(
                    "image", options=folders().names("image"), upload=io.UploadType.image
                ),
                io.Combo.Input(
                    "channel",
                    options=list(CHANNELS),
                    tooltip="The channel to use as the mask; alpha gives the transparent part.",
                ),
            ],
            outputs=[io.Mask.Output()],
        )

    @classmethod
    def validate_inputs(cls, image: str | None) -> bool | str:
        """Check that the file exists; if not, name some that do."""
        return found(image, "image")

    @classmethod
    def fingerprint_inputs(cls, image: str, channel: str) -> str:
        """Return a hash of the file's content."""
        return LoadImage.fingerprint_inputs(image)

    @classmethod
    def execute(cls, image: str, channel: str) -> io.NodeOutput:
        """Return MASK (1, H, W) of the file's first image."""
        loaded = load_images(folders().find(image, "image"))
        if channel != "alpha":
            return io.NodeOutput(loaded.pixels[:1, ..., CHANNELS.index(channel) - 1])
        opaque = torch.ones(loaded.pixels.shape[:3])
        return io.NodeOutput(1 - (opaque if loaded.alpha is None else loaded.alpha)[:1])


class SaveImage(io.ComfyNode):
    """Saves images as numbered PNG files in the output folder, one per image of the batch."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """As in ComfyUI."""
        return io.Schema(
            node_id="SaveImage",
            display_name="Save Image",
            category="image",
            description="Saves images to the output folder.",
            inputs=[
                io.Image.Input("images", tooltip="The images to save."),
                io.String.Input(
                    "filename_prefix",
                    default="ComfyUI",
                    tooltip="Prefix of the file names; may contain subfolders.",
                ),
            ],
            outputs=[],
            hidden=[io.Hidden.prompt, io.Hidden.extra_pnginfo],
            is_output_node=True,
        )

    @classmethod
    def validate_inputs(cls, filename_prefix: str | None) -> bool | str:
        """Check the name before anything is computed."""
        return usable_prefix(io.FolderType.output, filename_prefix)

    @classmethod
    def execute(cls, images: Tensor, filename_prefix: str = "ComfyUI") -> io.NodeOutput:
        """Write the files with the graph in their metadata."""
        return io.NodeOutput(
            ui=_save(images, io.FolderType.output, filename_prefix, cls.hidden, compress_level=4)
        )


class PreviewImage(io.ComfyNode):
    """Saves images as PNG files in the temporary folder, one per image of the batch."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """As in ComfyUI."""
        return io.Schema(
            node_id="PreviewImage",
            display_name="Preview Image",
            category="image",
            description="Shows images without keeping them.",
            inputs=[io.Image.Input("images", tooltip="The images to show.")],
            outputs=[],
            hidden=[io.Hidden.prompt, io.Hidden.extra_pnginfo],
            is_output_node=True,
        )

    @classmethod
    def execute(cls, images: Tensor) -> io.NodeOutput:
        """Write the files."""
        return io.NodeOutput(
            ui=_save(images, io.FolderType.temp, "ComfyUI_temp", cls.hidden, compress_level=1)
        )


def _save(
    images: Tensor, kind: io.FolderType, prefix: str, hidden: HiddenHolder, *, compress_level: int
) -> ui.SavedImages:
    results, numbers = list[ui.SavedResult](), dict[str, int]()
    for index, image in enumerate(images):
        name = prefix.replace("%batch_num%", str(index))
        size = {"width": image.shape[1], "height": image.shape[0]}
        with numbered_output(kind, name, ".png", **size, after=numbers.get(name, 0)) as saved:
            tags = graph_metadata(hidden)
            save_image(
                saved.unfinished, image, tags, compress_level=compress_level, is_unfinished=True
            )
        numbers[name] = saved.number
        results.append(saved_result(saved.path, kind))
    return ui.SavedImages(results)


NODES = [LoadImage, LoadImageMask, SaveImage, PreviewImage]
