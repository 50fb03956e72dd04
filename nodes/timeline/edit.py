"""Edit Video, Inpaint Video, Outpaint Video: change or extend the image of a clip."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from ...hosts import host, io
from ...timeline.plans import edited, outpainted
from ..helpers.refusal import refusal
from ..helpers.search import search_words
from ..helpers.sizes import steps_of
from ..helpers.timelines import (
    Audio,
    audio_input,
    clip_of,
    compression_of,
    fps_of_clips,
    mask_of,
    sounding,
    timeline_output,
    to_latent,
    vae_input,
)
from .extend import CATEGORY

_STEP = 16


def _images_input(what: str) -> Any:
    return io.Image.Input(
        "images",
        tooltip=f"{what} Sides that are not multiples of {_STEP} are cropped; use Fit Video to fit "
        "the clip differently.",
    )


class SpacetimeEditVideo(io.ComfyNode):
    """Change a clip by a given strength."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeEditVideo",
            display_name="Edit Video (V2V, SDEdit)",
            category=CATEGORY,
            description="Changes a clip to follow the prompt while keeping its motion (SDEdit); "
            "strength sets how much. Add FlowEdit to the guider to keep more of the clip.",
            **search_words(
                "video to video", "vid2vid", "v2v", "restyle", "img2img", "denoise strength",
                "strength map", "differential diffusion",
            ),
            inputs=[
                _images_input("The clip to change."),
                vae_input(),
                io.Float.Input(
                    "strength", default=0.7, min=0.0, max=1.0, step=0.01,
                    tooltip="How much the clip changes: 0 returns it untouched, 0.4 changes "
                    "textures, 0.6 to 0.8 colours and settings, 1 keeps nothing.",
                ),
                fps_of_clips(),
                io.Mask.Input(
                    "mask", optional=True,
                    tooltip="Where to change the clip: white at full strength, grey less, black "
                    "not at all. One mask for all frames or one per frame.",
                ),
                audio_input(),
            ],
            outputs=[timeline_output("The clip and how far it may change, for Sample.")],
        )  # fmt: skip

    @classmethod
    def execute(
        cls,
        images: Tensor,
        vae: Any,
        strength: float = 0.7,
        fps: float = 16.0,
        mask: Tensor | None = None,
        audio: Audio | None = None,
    ) -> io.NodeOutput:
        """Place the clip under a noise ceiling."""
        clip = clip_of(images, vae)
        whole = torch.ones(1, *clip.shape[1:3])
        change = strength * (whole if mask is None else mask_of(mask, images, vae))
        made = edited(clip, fps, change=change, compression=compression_of(vae))
        return io.NodeOutput(to_latent(sounding(made, audio, 0, len(clip)), vae))


class SpacetimeInpaintVideo(io.ComfyNode):
    """Regenerate a region of a clip."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeInpaintVideo",
            display_name="Inpaint Video (Region)",
            category=CATEGORY,
            description="Regenerates a region of a clip. Everything outside the mask comes back "
            "untouched.",
            **search_words("inpaint", "replace object", "remove object", "video mask", "fill"),
            inputs=[
                _images_input("The clip."),
                io.Mask.Input(
                    "mask",
                    tooltip="White where the clip is regenerated. One mask for all frames, or one "
                    "per frame for a moving region.",
                ),
                vae_input(),
                fps_of_clips(),
                io.Int.Input(
                    "grow", default=0, min=0, max=512,
                    tooltip="Pixels to grow the region by on every side. Use about 8 for masks "
                    "that follow an object closely, so that its edge and shadow are replaced too.",
                ),
                audio_input(),
            ],
            outputs=[timeline_output("The clip and the region to generate, for Sample.")],
        )  # fmt: skip

    @classmethod
    def execute(
        cls,
        images: Tensor,
        mask: Tensor,
        vae: Any,
        fps: float = 16.0,
        grow: int = 0,
        audio: Audio | None = None,
    ) -> io.NodeOutput:
        """Open the region for generation."""
        clip = clip_of(images, vae)
        region = (mask_of(mask, images, vae) > 0.5).float()
        if not region.any():
            raise ValueError(
                f"no pixel of the mask is above 0.5 (the highest is {float(mask.max()):g}), so "
                "there is nothing to generate: paint the region white, or invert the mask"
            )
        if grow:
            region = _grown(region, grow)
        made = edited(clip, fps, change=region, compression=compression_of(vae))
        return io.NodeOutput(to_latent(sounding(made, audio, 0, len(clip)), vae))


def _grown(region: Tensor, grow: int) -> Tensor:
    """Grow a region (F, H, W) by a square: down its columns, then along its rows."""
    for sides in ((grow, 0), (0, grow)):
        kernel = [2 * side + 1 for side in sides]
        region = F.max_pool2d(region[:, None], kernel, stride=1, padding=sides)[:, 0]
    return region


class SpacetimeOutpaintVideo(io.ComfyNode):
    """Extend the image area around a clip."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeOutpaintVideo",
            display_name="Outpaint Video (Larger Frame)",
            category=CATEGORY,
            description="Generates new image area around a clip, for example for another aspect "
            "ratio. The clip itself comes back untouched.",
            **search_words("outpaint", "uncrop", "expand canvas", "reframe", "change aspect"),
            inputs=[
                _images_input("The clip."),
                vae_input(),
                *(
                    io.Int.Input(
                        side, default=_STEP if side in ("left", "right") else 0, min=0, max=4096,
                        step=_STEP, tooltip=f"Pixels to add at the {side}.",
                    )
                    for side in ("left", "top", "right", "bottom")
                ),
                fps_of_clips(),
                audio_input(),
            ],
            outputs=[timeline_output("The clip in its larger frame, for Sample.")],
        )  # fmt: skip

    @classmethod
    def validate_inputs(
        cls, left: int | None, top: int | None, right: int | None, bottom: int | None
    ) -> Any:
        """Reject sizes that no VAE takes before the graph runs."""
        return refusal(lambda *sides: _check_sides(sides, _STEP), left, top, right, bottom)

    @classmethod
    def execute(
        cls,
        images: Tensor,
        vae: Any,
        left: int = _STEP,
        top: int = 0,
        right: int = _STEP,
        bottom: int = 0,
        fps: float = 16.0,
        audio: Audio | None = None,
    ) -> io.NodeOutput:
        """Place the clip in a larger frame."""
        _check_sides((left, top, right, bottom), steps_of(host().models.vae_format(vae)).side)
        clip = clip_of(images, vae)
        made = outpainted(
            clip, fps, left=left, top=top, right=right, bottom=bottom,
            compression=compression_of(vae),
        )  # fmt: skip
        return io.NodeOutput(to_latent(sounding(made, audio, 0, len(clip)), vae))


def _check_sides(sides: Sequence[int], step: int) -> None:
    odd = [each for each in sides if each % step or each < 0]
    if odd:
        raise ValueError(f"{odd[0]} pixels to add: use multiples of {step}")
    if not any(sides):
        raise ValueError("no pixels to add: set left, top, right or bottom")


NODES: list[type[Any]] = [SpacetimeEditVideo, SpacetimeInpaintVideo, SpacetimeOutpaintVideo]
