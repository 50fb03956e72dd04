"""Room for reference images: latent frames before those of the video, cut off after sampling."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ...samplers.ceilings import CEILING_KEY, MASK_KEY
from ...samplers.clips import REFERENCES_KEY
from ...samplers.masks import latent_mask


def with_room(latent: Mapping[str, Any], count: int, time_factor: int) -> Mapping[str, Any]:
    """Add ``count`` latent frames before a LATENT's own, all of them to be sampled.

    Args:
        latent: of one clip or of several of one size, (B, C, F, H, W).
        count: number of reference images; 0 leaves the LATENT unchanged.
        time_factor: frames of the video per latent frame.

    Raises:
        ValueError: the clip is a loop.
    """
    if not count:
        return latent
    if latent.get("loop"):
        raise ValueError(
            "reference images come before a clip's first frame, but a loop has no first frame: use "
            "an open clip, or disconnect reference from Apply ControlNet"
        )
    samples = latent["samples"]
    made = {
        **latent,
        "samples": _before(samples, count, 0.0),
        "first_frame": latent.get("first_frame", 0) - count,
        REFERENCES_KEY: count,
    }
    if MASK_KEY in latent:
        mask = latent_mask(latent[MASK_KEY], samples, time_factor)[:, None]
        made[MASK_KEY] = _before(mask, count, 1.0)
    if CEILING_KEY in latent:
        made[CEILING_KEY] = _before(latent[CEILING_KEY], count, 1.0)
    return made


def _before(values: Tensor, count: int, fill: float) -> Tensor:
    """Values (B, C, F, H, W) with ``count`` frames of one value in front."""
    batch, channels, _, *sides = values.shape
    return torch.cat([values.new_full((batch, channels, count, *sides), fill), values], dim=2)
