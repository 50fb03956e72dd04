"""Control in a Region: restrict a ControlNet to a still or moving mask."""

from typing import Any

import torch
from torch import Tensor

from ...hosts import host, io
from ...media.fit import Size, fit_clip
from ...media.hints.filters import blurred
from ...samplers.control import ControlStrength
from ..helpers.control_strength import CATEGORY, control_input, control_output
from ..helpers.hints import with_preview
from ..helpers.search import search_words

DIMMEST = 0.25
"""Brightness in the node's preview of parts that are not followed."""


class SpacetimeControlInRegion(io.ComfyNode):
    """Follow control images only in some places."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeControlInRegion",
            display_name="Control in a Region",
            category=CATEGORY,
            description="Restricts a ControlNet to a mask: white acts fully, grey partly, black "
            "not at all. One mask applies to all frames; one per frame follows motion.",
            **search_words(
                "control mask", "controlnet mask", "attention mask", "regional", "moving mask",
                "area",
            ),
            inputs=[
                control_input(),
                io.Mask.Input(
                    "mask",
                    tooltip="Where to follow the images: one mask for all frames, or one for "
                    "each frame of the video. It is cropped to the video like the images.",
                ),
                io.Boolean.Input(
                    "invert", default=False, tooltip="Follow the images outside the mask instead."
                ),
                io.Float.Input(
                    "feather", default=0.0, min=0.0, max=256.0, step=0.5,
                    tooltip="Softness of the mask's edge, in mask pixels; 0 leaves the mask "
                    "unchanged. A latent position covers 8 pixels or more.",
                ),
                io.Float.Input(
                    "outside", default=0.0, min=0.0, max=1.0, step=0.01,
                    tooltip="Factor where the mask is black.",
                ),
                io.Image.Input(
                    "image", optional=True,
                    tooltip="The control images, for the preview only: the node shows them, "
                    "darkened where they are not followed.",
                ),
            ],
            outputs=[control_output()],
            is_output_node=True,
        )  # fmt: skip

    @classmethod
    def execute(
        cls,
        control_net: Any,
        mask: Tensor,
        invert: bool,
        feather: float,
        outside: float,
        image: Tensor | None = None,
    ) -> io.NodeOutput:
        """Multiply the strength by the mask."""
        weights = region(mask, invert=invert, feather=feather, outside=outside)
        made = host().models.with_strength(control_net, ControlStrength(weights=(weights,)))
        shown = weights[..., None].expand(-1, -1, -1, 3) if image is None else lit(image, weights)
        return with_preview(cls, shown, made)


def region(mask: Tensor, *, invert: bool, feather: float, outside: float) -> Tensor:
    """Turn a mask into factors of control strength.

    Args:
        mask: (F, H, W) in [0, 1].
        invert: select the area outside the mask instead.
        feather: standard deviation of the mask's blur in pixels.
        outside: factor where the mask selects nothing; it is 1 where the mask selects fully.

    Returns:
        (F, H, W) float32.

    Raises:
        ValueError: the mask has another shape.
    """
    if mask.ndim != 3:
        raise ValueError(
            "expected a mask of shape (frames, rows, columns), as from Load Image as Mask, got "
            f"shape {tuple(mask.shape)}"
        )
    meant = mask.float().clamp(0, 1)
    # the division keeps a mask of ones exactly one
    soft = blurred(1 - meant if invert else meant, feather) / blurred(
        torch.ones_like(meant[:1]), feather
    )
    return outside + (1 - outside) * soft


def lit(image: Tensor, weights: Tensor) -> Tensor:
    """Images (F, H, W, C), dimmed where they are not followed.

    Raises:
        ValueError: the numbers of images and of masks (F, h, w) differ, and neither is 1.
    """
    counts = {len(image), len(weights)} - {1}
    if len(counts) > 1:
        raise ValueError(
            f"got {len(weights)} masks for {len(image)} images: connect one mask for all images, "
            "or one for each"
        )
    frames, size = max(counts, default=1), Size(*image.shape[1:3])
    numbers = range(frames) if len(weights) > 1 else [0] * frames
    planes, _ = fit_clip(weights[..., None], None, numbers, frames, size, "crop")
    return image[..., :3].float() * (DIMMEST + (1 - DIMMEST) * planes.to(image.device))


NODES: list[type[Any]] = [SpacetimeControlInRegion]
