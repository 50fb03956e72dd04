"""Edit Video, Inpaint Video, Outpaint Video: clips that are changed in part, or in some degree."""

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
        tooltip=f"{what} Sides that are no multiple of {_STEP} are cut; Fit Video does it another "
        "way.",
    )


class SpacetimeEditVideo(io.ComfyNode):
    """A clip that is changed in some degree."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeEditVideo",
            display_name="Edit Video (V2V, SDEdit)",
            category=CATEGORY,
            description="Changes a clip as far as strength says, so that it follows the prompt and "
            "keeps its motion (SDEdit). With FlowEdit on the guider it keeps more.",
            **search_words(
                "video to video", "vid2vid", "v2v", "restyle", "img2img", "denoise strength",
                "strength map", "differential diffusion",
            ),
            inputs=[
                _images_input("The clip to change."),
                vae_input(),
                io.Float.Input(
                    "strength", default=0.7, min=0.0, max=1.0, step=0.01,
                    tooltip="How much is changed: 0 gives the clip back untouched, 0.4 changes "
                    "textures, 0.6 to 0.8 colours and settings, 1 keeps nothing.",
                ),
                fps_of_clips(),
                io.Mask.Input(
                    "mask", optional=True,
                    tooltip="Where to change it: white as far as strength says, grey less, black "
                    "not at all. One for all frames, or one for each.",
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
        """Lay the clip under a ceiling."""
        clip = clip_of(images, vae)
        whole = torch.ones(1, *clip.shape[1:3])
        change = strength * (whole if mask is None else mask_of(mask, images, vae))
        made = edited(clip, fps, change=change, compression=compression_of(vae))
        return io.NodeOutput(to_latent(sounding(made, audio, 0, len(clip)), vae))


class SpacetimeInpaintVideo(io.ComfyNode):
    """A clip of which a region is made anew."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeInpaintVideo",
            display_name="Inpaint Video (Region)",
            category=CATEGORY,
            description="Makes a region of a clip anew. Everything outside of the mask comes back "
            "untouched.",
            **search_words("inpaint", "replace object", "remove object", "video mask", "fill"),
            inputs=[
                _images_input("The clip."),
                io.Mask.Input(
                    "mask",
                    tooltip="White where the clip is made anew. One for all frames, or one for "
                    "each, for a region that moves.",
                ),
                vae_input(),
                fps_of_clips(),
                io.Int.Input(
                    "grow", default=0, min=0, max=512,
                    tooltip="Pixels by which the region is grown on every side. 8 or so for masks "
                    "that follow an object closely, so that its rim and shadow go too.",
                ),
                audio_input(),
            ],
            outputs=[timeline_output("The clip and the region to make, for Sample.")],
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
        """Open the region."""
        clip = clip_of(images, vae)
        region = (mask_of(mask, images, vae) > 0.5).float()
        if not region.any():
            raise ValueError(
                f"no pixel of the mask is above one half (the most is {float(mask.max()):g}), so "
                "there is nothing to make: paint the region white, or invert the mask"
            )
        if grow:
            region = F.max_pool2d(region[:, None], 2 * grow + 1, stride=1, padding=grow)[:, 0]
        made = edited(clip, fps, change=region, compression=compression_of(vae))
        return io.NodeOutput(to_latent(sounding(made, audio, 0, len(clip)), vae))


class SpacetimeOutpaintVideo(io.ComfyNode):
    """A clip with more picture around it."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeOutpaintVideo",
            display_name="Outpaint Video (Larger Frame)",
            category=CATEGORY,
            description="Makes more picture around a clip, for another aspect for instance. The "
            "clip itself comes back untouched.",
            **search_words("outpaint", "uncrop", "expand canvas", "reframe", "change aspect"),
            inputs=[
                _images_input("The clip."),
                vae_input(),
                *(
                    io.Int.Input(
                        side, default=_STEP if side in ("left", "right") else 0, min=0, max=4096,
                        step=_STEP, tooltip=f"Pixels of new picture at the {side}.",
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
        """Refuse what no VAE takes before the graph runs."""
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
        """Lay the clip into a larger frame."""
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
        raise ValueError(f"{odd[0]} pixels of new picture: use multiples of {step}")
    if not any(sides):
        raise ValueError("no pixels of new picture: set left, top, right or bottom")


NODES: list[type[Any]] = [SpacetimeEditVideo, SpacetimeInpaintVideo, SpacetimeOutpaintVideo]
