"""The given parts of a LATENT, for models that are shown them in additional input channels.

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
    "this is an image-to-video model: outside the given parts it is shown empty latents, but it "
    "was trained with encoded grey frames, so seams may be softer; begin with a Timeline node such "
    "as Animate Image, and use Sample or Sample Long Video"
)


def start_change(
    latent: Mapping[str, Any],
    samples: Tensor,
    time_factor: int,
    restored: Callable[[Tensor], Tensor],
    warn: Callable[[str], None],
) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    """Return a function that adds a LATENT's given frames, as a start clip, to a conditioning.

    It maps the conditioning's options to those with the start clip. An existing start clip is
    kept; if the LATENT is part of a longer clip, it is cut to that part, and frames that have
    already been generated are filled in. See ``start_options`` for the arguments.

    Raises:
        ValueError: an existing start clip does not fit the longer clip.
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
    """Return conditioning options, under ComfyUI's names, that show a LATENT's given parts.

    Args:
        latent: with a start clip of its timeline, or with a mask.
        samples: of the latent (B, C, F, H, W), raw.
        time_factor: video frames per latent frame.
        restored: maps the network's normalised latents to raw samples.
        warn: called if the rest is shown as zeros instead of grey frames.

    Returns:
        See ``START_LATENT_KEY``; None if nothing is given.
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
