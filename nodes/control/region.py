"""Control in a Region: a ControlNet that acts under a mask, still or moving."""

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
"""Brightness of a hint where it is not followed, on the node."""


class SpacetimeControlInRegion(io.ComfyNode):
    """Follow pictures in some places only."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeControlInRegion",
            display_name="Control in a Region",
            category=CATEGORY,
            description="Lets a ControlNet act under a mask: white fully, grey less, black not at "
            "all. One mask holds for all frames; one per frame moves along.",
            **search_words(
                "control mask", "controlnet mask", "attention mask", "regional", "moving mask",
                "area",
            ),
            inputs=[
                control_input(),
                io.Mask.Input(
                    "mask",
                    tooltip="Where the pictures are followed: one for all frames, or one for each "
                    "frame of the video. It is cropped to the video as the pictures are.",
                ),
                io.Boolean.Input(
                    "invert", default=False, tooltip="Follow them outside of the mask instead."
                ),
                io.Float.Input(
                    "feather", default=0.0, min=0.0, max=256.0, step=0.5,
                    tooltip="How softly the mask ends, in its own pixels; 0 leaves it as it is. "
                    "One place of the latent is 8 pixels wide or more.",
                ),
                io.Float.Input(
                    "outside", default=0.0, min=0.0, max=1.0, step=0.01,
                    tooltip="Factor where the mask is black.",
                ),
                io.Image.Input(
                    "image", optional=True,
                    tooltip="The pictures that will be followed; they are shown on the node, "
                    "darker where they are not followed. Nothing else is done with them.",
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
    """Factors of places under a mask.

    Args:
        mask: (F, H, W) in [0, 1].
        invert: whether it is the rest that is meant.
        feather: standard deviation in pixels by which the mask is blurred.
        outside: factor where nothing is meant; 1 is that where all is.

    Returns:
        (F, H, W) float32.

    Raises:
        ValueError: the mask has another shape.
    """
    if mask.ndim != 3:
        raise ValueError(
            f"a mask of shape {tuple(mask.shape)}: (frames, rows, columns) are needed, as Load "
            "Image as Mask gives them"
        )
    meant = mask.float().clamp(0, 1)
    # divided, since a mask of ones has to stay one to the last bit
    soft = blurred(1 - meant if invert else meant, feather) / blurred(
        torch.ones_like(meant[:1]), feather
    )
    return outside + (1 - outside) * soft


def lit(image: Tensor, weights: Tensor) -> Tensor:
    """Pictures (F, H, W, C) that are dimmed where they are not followed.

    Raises:
        ValueError: there are other numbers of pictures and of masks (F, h, w), and none is 1.
    """
    counts = {len(image), len(weights)} - {1}
    if len(counts) > 1:
        raise ValueError(
            f"a mask of {len(weights)} frames over pictures of {len(image)}: give one for all, or "
            "one for each"
        )
    frames, size = max(counts, default=1), Size(*image.shape[1:3])
    numbers = range(frames) if len(weights) > 1 else [0] * frames
    planes, _ = fit_clip(weights[..., None], None, numbers, frames, size, "crop")
    return image[..., :3].float() * (DIMMEST + (1 - DIMMEST) * planes.to(image.device))


NODES: list[type[Any]] = [SpacetimeControlInRegion]
