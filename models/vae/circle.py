"""How far a causal VAE looks back, which a loop has to be led in by to be closed.

Time of a loop is a circle: what comes before its first frame is its end, and all of its latent
frames are of one kind, ``time_factor`` frames of video each.
"""

from __future__ import annotations

from math import ceil

import torch
from torch import Tensor

from .blocks import REACH
from .config import VAEConfig

_CONVOLUTIONS = 2
"""In time, of a residual block."""


_MIDDLE_BLOCKS = 2

_ALONE = 1
"""The first latent frame of a clip is coded in another way, so that nobody may see it."""


def decoder_lead(config: VAEConfig) -> int:
    """Latent frames before its own on which a decoded frame depends, and one more.

    A loop that is decoded behind so many of its latent frames equals any later turn of it.
    """
    reach, rate = float(REACH * (1 + _MIDDLE_BLOCKS * _CONVOLUTIONS)), 1
    for temporal in (*config.temporal_down[::-1], False):
        reach += REACH * _CONVOLUTIONS * (1 + config.res_blocks) / rate
        if temporal:
            reach += REACH / rate
            rate *= 2
    return _ALONE + ceil(reach + REACH / rate)


def encoder_lead(config: VAEConfig) -> int:
    """Latent frames before its own whose video a latent frame depends on, and one more."""
    reach, frames = REACH, 1
    for temporal in (*config.temporal_down, False):
        reach += REACH * _CONVOLUTIONS * config.res_blocks * frames
        if temporal:
            reach += REACH * frames
            frames *= 2
    reach += REACH * (1 + _MIDDLE_BLOCKS * _CONVOLUTIONS) * frames
    return _ALONE + ceil(reach / frames)


def led_in(latent: Tensor, lead: int) -> Tensor:
    """A loop's latent (B, C, F, H, W) behind ``lead`` of the latent frames that come before it."""
    frames = latent.shape[2]
    return latent[:, :, torch.arange(-lead, frames) % frames]
