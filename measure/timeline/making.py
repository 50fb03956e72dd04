"""The made parts of a measurement: latents are filled in beside given ones, chunk by chunk.

B batch, C channels, F latent frames, H rows, W columns.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from ..cases import Case
from ..studio import ClipMaker

CHUNK = 5
"""Latent frames that the model works on at a time, 17 frames of video."""

CONTEXT = 2
"""Latent frames of a chunk that are there already."""


def fill(maker: ClipMaker, cases: Sequence[Case], latents: Tensor, given: Tensor) -> Tensor:
    """Make in one run what is not given (F,) bool of latents (B, C, F, H, W)."""
    return _held(maker, cases, latents, given, 0)


def extend(maker: ClipMaker, cases: Sequence[Case], latents: Tensor, given: Tensor) -> Tensor:
    """Make what follows the given first latents in chunks that overlap."""
    done = int(given.sum())
    while done < len(given):
        chunk = slice(done - CONTEXT, min(done - CONTEXT + CHUNK, len(given)))
        known = torch.arange(chunk.start, chunk.stop) < done
        latents = _replaced(maker, cases, latents, chunk, known)
        done = chunk.stop
    return latents


def precede(maker: ClipMaker, cases: Sequence[Case], latents: Tensor, given: Tensor) -> Tensor:
    """Make what precedes the given last latents in chunks that overlap.

    The causal code treats the first latent of a chunk unlike the others, so it is made again by the
    chunk before.
    """
    start = len(given) - int(given.sum())
    while start > 0:
        chunk = slice(max(start + CONTEXT - CHUNK, 0), start + CONTEXT)
        known = torch.arange(chunk.start, chunk.stop) >= start
        latents = _replaced(maker, cases, latents, chunk, known)
        start = chunk.start + (1 if chunk.start else 0)
    return latents


def decoded_loop(maker: ClipMaker, latents: Tensor, *, context: int | None = None) -> Tensor:
    """Decode latents (B, C, F, H, W) whose time is a circle: one turn of 4 F frames.

    Args:
        context: latent frames that are decoded before, at most two turns; None for those, after
            which nothing changes any more.
    """
    frames = latents.shape[2] * maker.vae.time_factor
    before = torch.cat([latents, latents], dim=2)
    before = before if context is None else before[:, :, before.shape[2] - context :]
    return maker.decode(torch.cat([before, latents], dim=2))[:, -frames:]


def _replaced(
    maker: ClipMaker, cases: Sequence[Case], latents: Tensor, chunk: slice, known: Tensor
) -> Tensor:
    made = _held(maker, cases, latents[:, :, chunk], known, chunk.start)
    return torch.cat([latents[:, :, : chunk.start], made, latents[:, :, chunk.stop :]], dim=2)


def _held(
    maker: ClipMaker, cases: Sequence[Case], latents: Tensor, given: Tensor, first: int
) -> Tensor:
    """Latents with the given ones bit for bit as they were."""
    known = given[None, :, None, None].expand(len(cases), *latents.shape[2:])
    prompts = [case.prompt for case in cases]
    made = maker.hold(cases, prompts, latents, known, first_frame=first)
    return torch.where(known[:, None], latents, made)
