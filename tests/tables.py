"""The noise levels of Stable Diffusion and of AnimateDiff."""

from functools import lru_cache

import torch

from spacetime_video.samplers.schedules.table import NoiseTable


@lru_cache
def stable_diffusion_table() -> NoiseTable:
    """The table of 1000 "scaled linear" betas."""
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
    signal = (1 - betas).cumprod(0)
    return NoiseTable(tuple(((1 - signal) / signal).sqrt().tolist()))
