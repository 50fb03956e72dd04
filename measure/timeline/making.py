"""Fill in latents beside given ones, in one run or chunk by chunk.

B batch, C channels, F latent frames, H rows, W columns.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from ...models.vae.circle import decoder_lead, led_in
from ...timeline.chunks import ChunkPlan
from ..cases import Case
from ..studio import ClipMaker

PLAN = ChunkPlan(length=5, context=2, anchor=False)
"""The model works on 17 frames of video at a time."""


def fill(
    maker: ClipMaker,
    cases: Sequence[Case],
    latents: Tensor,
    given: Tensor,
    *,
    first_frame: int = 0,
) -> Tensor:
    """Generate in one run the frames of latents (B, C, F, H, W) that are not given, (F,) bool.

    Args:
        first_frame: absolute number of the first latent frame, which determines its noise.

    Returns:
        Latents in which the given ones are unchanged, bit for bit.
    """
    known = given[None, :, None, None].expand(len(cases), *latents.shape[2:])
    prompts = [case.prompt for case in cases]
    made = maker.hold(cases, prompts, latents, known, first_frame=first_frame)
    return torch.where(known[:, None], latents, made)


def fill_in_chunks(
    maker: ClipMaker, cases: Sequence[Case], latents: Tensor, given: Tensor
) -> Tensor:
    """Generate the latents that are not given, in the runs of ``PLAN``."""
    latents = latents.clone()
    for chunk in PLAN.chunks((~given).tolist()):
        shown, first = list(chunk.shown), chunk.made.start - chunk.places[0]
        known = torch.tensor([each not in chunk.made and each != chunk.lead for each in shown])
        made = fill(maker, cases, latents[:, :, shown], known, first_frame=first)
        latents[:, :, list(chunk.made)] = made[:, :, chunk.places]
    return latents


def decoded_loop(maker: ClipMaker, latents: Tensor, *, context: int | None = None) -> Tensor:
    """Decode latents (B, C, F, H, W) whose time is a circle: one turn of 4 F frames.

    Args:
        context: latent frames to decode before the turn; None for the decoder's whole context.
    """
    lead = decoder_lead(maker.vae.config) if context is None else context
    frames = latents.shape[2] * maker.vae.time_factor
    return maker.decode(led_in(latents, lead))[:, -frames:]
