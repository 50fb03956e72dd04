"""Noise levels that distilled models were trained on; other levels give worse results."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from .flow import flow_sigmas, shift_sigmas

LIGHTNING_SHIFT = 5.0

LTX_DISTILLED = (1.0, 0.99375, 0.9875, 0.98125, 0.975, 0.909375, 0.725, 0.421875, 0.0)
"""LTX-Video and LTX-2 distilled, first pass: Lightricks, 2025."""

LTX_DISTILLED_SECOND_PASS = LTX_DISTILLED[5:]
"""For an upscaled latent from the first pass, which is noised to the first level."""

_RCM_ANGLES = (1.5, 1.4, 1.0)
_RCM_LARGEST = 80.0

TRAIN_STEPS = 1000
LCM_ORIGINAL_STEPS = 50


def few_step_grids() -> Mapping[str, Tensor]:
    """Published grids by name, each (steps + 1,) float32 ending in 0."""
    return {
        "lightning_4": flow_sigmas(4, shift=LIGHTNING_SHIFT),
        "lightning_8": flow_sigmas(8, shift=LIGHTNING_SHIFT),
        "ltx_distilled": torch.tensor(LTX_DISTILLED),
        "ltx_distilled_second_pass": torch.tensor(LTX_DISTILLED_SECOND_PASS),
        **{f"rcm_{steps}": rcm_sigmas(steps) for steps in (1, 2, 3, 4)},
    }


def rcm_sigmas(steps: int, *, largest: float = _RCM_LARGEST) -> Tensor:
    """Convert rCM's angles atan(largest), 1.5, 1.4, 1.0 to flow levels, sin / (sin + cos).

    Source: Zheng et al., "Large Scale Diffusion Distillation via Score-Regularized
    Continuous-Time Consistency", 2025.

    Args:
        steps: 1 to 4.
        largest: first level as the noise-to-signal ratio; 80 for text to video.

    Raises:
        ValueError: ``steps`` is not in this range.
    """
    if not 1 <= steps <= len(_RCM_ANGLES) + 1:
        raise ValueError(f"rCM with {steps} steps: its grid has 1 to {len(_RCM_ANGLES) + 1}")
    angles = (math.atan(largest), *_RCM_ANGLES[: steps - 1])
    levels = [math.sin(angle) / (math.sin(angle) + math.cos(angle)) for angle in angles]
    return torch.tensor([*levels, 0.0])


def lcm_timesteps(
    steps: int,
    *,
    original_steps: int = LCM_ORIGINAL_STEPS,
    train_steps: int = TRAIN_STEPS,
    strength: float = 1.0,
) -> list[int]:
    """Choose the timesteps of latent consistency sampling, in decreasing order.

    The student was trained at every k-th timestep, k = train_steps / original_steps (the skipping
    step): k i - 1 for i = 1, 2 ... Of these, ``steps`` are taken at even spacing, starting with the
    noisiest. Source: Luo et al., "Latent Consistency Models", 2023, section 4.3.

    Args:
        steps: number of steps.
        original_steps: number of steps of the distilled solver.
        train_steps: length of the model's table of noise levels.
        strength: below 1, a given latent is changed only to that extent.

    Raises:
        ValueError: there are fewer trained timesteps than steps, or a number is out of range.
    """
    if original_steps > train_steps:
        raise ValueError(
            f"{original_steps} original steps exceed the {train_steps} training steps: use fewer"
        )
    picks = _picks(steps, original_steps, strength)
    skip = train_steps // original_steps
    return [pick * skip - 1 for pick in picks]


def _picks(steps: int, original_steps: int, strength: float) -> list[int]:
    """Choose from the trained steps, noisiest first; 1 is the cleanest."""
    if not (original_steps >= 1 and 0 < strength <= 1):
        raise ValueError(
            f"{original_steps} original steps at strength {strength}: use at least 1 step and a "
            "strength above 0 and at most 1"
        )
    available = int(original_steps * strength)
    if not 1 <= steps <= available:
        fewer = f"use 1 to {available}" if available else f"a strength of {strength:g} is too low"
        raise ValueError(f"{steps} steps of {available} trained steps: {fewer}")
    return [available - step * available // steps for step in range(steps)]


def lcm_flow_sigmas(
    steps: int,
    *,
    shift: float = 1.0,
    original_steps: int = LCM_ORIGINAL_STEPS,
    strength: float = 1.0,
) -> Tensor:
    """Return the trailing grid of latent consistency sampling for a flow model.

    The student was trained at i / original_steps before the shift, i = 1, 2 ..., so the first
    level is pure noise. See ``lcm_timesteps`` for the choice among them.

    Returns:
        (steps + 1,) float32 ending in 0.

    Raises:
        ValueError: there are fewer trained levels than steps, or a number is out of range.
    """
    picks = _picks(steps, original_steps, strength)
    shifted = shift_sigmas(torch.tensor(picks, dtype=torch.float64) / original_steps, shift)
    return torch.cat([shifted, shifted.new_zeros(1)]).float()
