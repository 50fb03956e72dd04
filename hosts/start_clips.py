"""What a LATENT gives, for models that are shown it in further input channels.

B batch, C channels, F frames, H rows, W columns.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import torch
from torch import Tensor

from ..samplers.ceilings import MASK_KEY
from ..samplers.masks import latent_mask
from ..timeline import PART_KEY, START_KEY, ClipPart, StartClip
from .keys import START_LATENT_KEY, START_MASK_KEY

EMPTY = (
    "this model animates an image: beside what is given it is shown empty latents, where it was "
    "trained with encoded grey frames, so that seams may be softer; begin with a Timeline node, "
    "such as Animate Image, and use Sample or Sample Long Video"
)


def start_change(
    latent: Mapping[str, Any],
    samples: Tensor,
    time_factor: int,
    restored: Callable[[Tensor], Tensor],
    warn: Callable[[str], None],
) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    """What shows a LATENT's given frames in a conditioning: its options -> those with a start clip.

    A start clip that they carry stays; where the LATENT is a run's of a longer clip, its part of
    that is taken, and all that is there already is in it. See ``start_options`` for the rest.

    Raises:
        ValueError: a start clip that is carried does not fit a longer clip.
    """
    part: ClipPart | None = latent.get(PART_KEY)
    fresh = cache(lambda: start_options(latent, samples, time_factor, restored, warn) or {})

    def change(options: Mapping[str, Any]) -> dict[str, Any]:
        carried = options.get(START_LATENT_KEY)
        if carried is None:
            return {**options, **fresh()}
        if part is None:
            return dict(options)
        mask = options.get(START_MASK_KEY)
        made = torch.ones_like(carried[:, :1]) if mask is None else mask
        return {**options, **_options(part.filled(part.cut(StartClip(carried, made)), samples))}

    return change


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
    make, part = latent.get(START_KEY), latent.get(PART_KEY)
    if make is not None:
        clip = make() if part is None else part.filled(make(part.shown), samples)
        return _options(clip)
    if latent.get(MASK_KEY) is None:
        return None
    made = latent_mask(latent[MASK_KEY], samples, time_factor)[:, None] > 0
    if made.all():
        return None
    (warn if part is None else part.tell)(EMPTY)
    shown = torch.where(made.to(samples.device), restored(torch.zeros_like(samples)), samples)
    return {START_LATENT_KEY: shown, START_MASK_KEY: made.float()}


def _options(start: StartClip) -> dict[str, Tensor]:
    return {START_LATENT_KEY: start.latent, START_MASK_KEY: start.made}
