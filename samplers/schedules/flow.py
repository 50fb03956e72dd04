"""Noise schedules: 1-D float32 tensors of falling noise levels that end in exactly 0."""

from collections.abc import Callable

import torch
from torch import Tensor

_TABLE_SIZE = 1000


def shift_sigmas(sigmas: Tensor, shift: float) -> Tensor:
    """Move noise levels towards 1: s' = a s / (1 + (a - 1) s), with 0 and 1 fixed.

    Shifts multiply when applied one after the other, so replace a shift and never stack it.
    Source: Esser et al., "Scaling Rectified Flow Transformers", 2024, eq. 23.

    Args:
        sigmas: levels in [0, 1] of any shape.
        shift: a > 0; 1 leaves the levels unchanged.

    Raises:
        ValueError: when ``shift`` is not positive.
    """
    if not shift > 0:
        raise ValueError(f"shift {shift} must be above 0 (1 means no shift)")
    return sigmas if shift == 1 else shift * sigmas / (1 + (shift - 1) * sigmas)


def flow_sigmas(steps: int, *, shift: float = 1.0, start: float = 1.0) -> Tensor:
    """Space the levels evenly before the shift, from ``start`` to 0.

    Args:
        steps: number of steps, at least 1.
        shift: see ``shift_sigmas``.
        start: the first level, in (0, 1]. Below 1 the given content is changed only that much;
            all the steps are then spent between ``start`` and 0.

    Returns:
        (steps + 1,) float32, from exactly ``start`` to exactly 0.

    Raises:
        ValueError: when ``steps``, ``shift`` or ``start`` are out of range.
    """
    check_steps(steps)
    if not 0 < start <= 1:
        raise ValueError(f"start {start} is not a noise level above 0 and up to 1")
    level = torch.tensor(start, dtype=torch.float64)
    first = shift_sigmas(level, 1 / shift if shift > 0 else shift).item()
    even = torch.linspace(first, 0, steps + 1, dtype=torch.float64)
    sigmas = shift_sigmas(even, shift)
    sigmas[0] = start
    return sigmas.float()


def simple_sigmas(steps: int, shift: float) -> Tensor:
    """Take every n-th entry of a flow model's table: the scheduler "simple" of ComfyUI.

    Args:
        steps: number of steps, at least 1.
        shift: the shift of the model's table of 1000 levels.

    Returns:
        (steps + 1,) float32 ending in 0.
    """
    check_steps(steps)
    stride = _TABLE_SIZE / steps
    table = _flow_table(shift)
    chosen = [_TABLE_SIZE - 1 - int(step * stride) for step in range(steps)]
    return torch.cat([table[chosen], torch.zeros(1)])


def normal_sigmas(steps: int, shift: float) -> Tensor:
    """Space the model's time evenly down to its last level: the scheduler "normal" of ComfyUI.

    The last non-zero level is the table's smallest one, shifted a second time as ComfyUI does.

    Args:
        steps: number of steps, at least 1.
        shift: the shift of the model's table of 1000 levels (above 0.1).

    Returns:
        (steps + 1,) float32 ending in 0.
    """
    check_steps(steps)
    table = _flow_table(shift)
    even = torch.linspace(table[-1] * _TABLE_SIZE, table[0] * _TABLE_SIZE, steps) / _TABLE_SIZE
    return torch.cat([shift_sigmas(even, shift), torch.zeros(1)])


def end_of_schedule(whole: Callable[[int], Tensor], steps: int, strength: float) -> Tensor:
    """Take the last ``steps`` steps of a schedule of steps / strength, as ComfyUI's denoise does.

    Args:
        whole: number of steps -> schedule.
        steps: at least 1.
        strength: in (0, 1]; below 1 a given latent is changed only that much.

    Returns:
        (steps + 1,) levels.
    """
    check_steps(steps)
    return whole(int(steps / strength))[-(steps + 1) :]


def _flow_table(shift: float) -> Tensor:
    return shift_sigmas(torch.arange(1, _TABLE_SIZE + 1) / _TABLE_SIZE, shift)


def check_steps(steps: int) -> None:
    """Raise ValueError where a schedule has no step."""
    if steps < 1:
        raise ValueError(f"a schedule of {steps} steps: use 1 or more")
