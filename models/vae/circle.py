"""How far a causal VAE looks back: the number of lead-in latent frames that close a loop.

A loop's time is circular: its end comes before its first frame, and every latent frame stands
for ``time_factor`` video frames.
"""

from __future__ import annotations

from math import ceil

import torch
from torch import Tensor

from .blocks import REACH
from .config import VAEConfig

_CONVOLUTIONS = 2
"""Temporal convolutions in a residual block."""


_MIDDLE_BLOCKS = 2

_ALONE = 1
"""The first latent frame of a clip is coded differently, so no frame of a loop may see it."""


def decoder_lead(config: VAEConfig) -> int:
    """Number of earlier latent frames on which a decoded frame depends, plus one.

    A loop decoded after this many of its own last latent frames equals any later turn of it.
    """
    reach, rate = float(REACH * (1 + _MIDDLE_BLOCKS * _CONVOLUTIONS)), 1
    for temporal in (*config.temporal_down[::-1], False):
        reach += REACH * _CONVOLUTIONS * (1 + config.res_blocks) / rate
        if temporal:
            reach += REACH / rate
            rate *= 2
    return _ALONE + ceil(reach + REACH / rate)


def encoder_lead(config: VAEConfig) -> int:
    """Number of earlier latent frames on whose video a latent frame depends, plus one."""
    reach, frames = REACH, 1
    for temporal in (*config.temporal_down, False):
        reach += REACH * _CONVOLUTIONS * config.res_blocks * frames
        if temporal:
            reach += REACH * frames
            frames *= 2
    reach += REACH * (1 + _MIDDLE_BLOCKS * _CONVOLUTIONS) * frames
    return _ALONE + ceil(reach / frames)


def led_in(latent: Tensor, lead: int) -> Tensor:
    """Put the last ``lead`` latent frames of a loop (B, C, F, H, W) before it, wrapping around."""
    frames = latent.shape[2]
    return latent[:, :, torch.arange(-lead, frames) % frames]
