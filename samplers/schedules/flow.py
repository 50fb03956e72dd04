"""Noise schedules: 1-D float32 tensors of decreasing noise levels that end in exactly 0."""

from collections.abc import Callable

import torch
from torch import Tensor


def shift_sigmas(sigmas: Tensor, shift: float) -> Tensor:
    """Move noise levels towards 1: s' = a s / (1 + (a - 1) s), with 0 and 1 fixed.

    Shifts applied in succession multiply, so replace a shift, never stack another on it.
    Source: Esser et al., "Scaling Rectified Flow Transformers", 2024, eq. 23.

    Args:
        sigmas: levels in [0, 1] of any shape.
        shift: a > 0; 1 leaves the levels unchanged.

    Raises:
        ValueError: ``shift`` is not positive.
    """
    if not shift > 0:
        raise ValueError(f"shift {shift} must be above 0 (1 means no shift)")
    return sigmas if shift == 1 else shift * sigmas / (1 + (shift - 1) * sigmas)


def percent_to_sigma(percent: float, shift: float) -> float:
    """Noise level of a flow model after a share in [0, 1] of the sampling, as ComfyUI counts it.

    The share counts the steps of a schedule that is evenly spaced before the shift.
    """
    left = min(max(1.0 - percent, 0.0), 1.0)
    return shift * left / (1 + (shift - 1) * left)


def flow_sigmas(steps: int, *, shift: float = 1.0, start: float = 1.0) -> Tensor:
    """Space the levels evenly before the shift, from ``start`` to 0.

    Args:
        steps: number of steps, at least 1.
        shift: see ``shift_sigmas``.
        start: the first level, in (0, 1]. Below 1, the given content is changed only to that
            extent, and all steps lie between ``start`` and 0.

    Returns:
        (steps + 1,) float32, from exactly ``start`` to exactly 0.

    Raises:
        ValueError: ``steps``, ``shift`` or ``start`` is out of range.
    """
    check_steps(steps)
    if not 0 < start <= 1:
        raise ValueError(f"start {start} must be a noise level above 0 and at most 1")
    level = torch.tensor(start, dtype=torch.float64)
    first = shift_sigmas(level, 1 / shift if shift > 0 else shift).item()
    even = torch.linspace(first, 0, steps + 1, dtype=torch.float64)
    sigmas = shift_sigmas(even, shift)
    sigmas[0] = start
    return sigmas.float()


def end_of_schedule(whole: Callable[[int], Tensor], steps: int, strength: float) -> Tensor:
    """Return the last ``steps`` of steps / strength steps, like ComfyUI's ``denoise``.

    Args:
        whole: number of steps -> schedule.
        steps: at least 1.
        strength: in (0, 1]; below 1, a given latent is changed only to that extent.

    Returns:
        (steps + 1,) levels.
    """
    check_steps(steps)
    return whole(int(steps / strength))[-(steps + 1) :]


def check_steps(steps: int) -> None:
    """Raise ValueError if a schedule has no steps."""
    if steps < 1:
        raise ValueError(f"a schedule of {steps} steps: use at least 1")
