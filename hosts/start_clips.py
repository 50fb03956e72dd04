"""What a LATENT gives, for models that are shown it in further input channels.

B batch, C channels, F frames, H rows, W columns.
"""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from ..samplers.ceilings import MASK_KEY
from ..samplers.masks import latent_mask
from ..timeline import START_KEY
from .keys import START_LATENT_KEY, START_MASK_KEY

EMPTY = (
    "this model animates an image: beside what is given it is shown empty latents, where it was "
    "trained with encoded grey frames, so that seams may be softer; place what is given with the "
    "Timeline nodes and use Sample"
)


def start_options(
    latent: Mapping[str, Any],
    samples: Tensor,
    time_factor: int,
    restored: Callable[[Tensor], Tensor],
    warn: Callable[[str], None],
) -> dict[str, Tensor] | None:
    """Options of a conditioning that show what a LATENT gives, under ComfyUI's names.

    Args:
        latent: with a start clip of its timeline, or with a mask.
        samples: of the latent (B, C, F, H, W), raw.
        time_factor: frames of the video behind a latent frame.
        restored: what the network sees -> raw samples.
        warn: told where what is not given is shown as zeros and not as grey frames.

    Returns:
        See ``START_LATENT_KEY``; None where nothing is given.
    """
    make = latent.get(START_KEY)
    if make is not None:
        clip = make()
        return {START_LATENT_KEY: clip.latent, START_MASK_KEY: clip.made}
    if latent.get(MASK_KEY) is None:
        return None
    made = latent_mask(latent[MASK_KEY], samples, time_factor)[:, None] > 0
    if made.all():
        return None
    warn(EMPTY)
    shown = torch.where(made.to(samples.device), restored(torch.zeros_like(samples)), samples)
    return {START_LATENT_KEY: shown, START_MASK_KEY: made.float()}


def with_start(options: Mapping[str, Any], start: Mapping[str, Tensor]) -> dict[str, Any]:
    """A conditioning's options with a start clip, if they carry none."""
    return dict(options) if options.get(START_LATENT_KEY) is not None else {**options, **start}
