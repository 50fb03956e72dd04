"""ComfyUI's schedulers for a flow model, which they treat as a table of 1000 levels.

All return float32 levels that decrease from the largest one to exactly 0.
"""

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from .beta import beta_quantile
from .flow import check_steps, shift_sigmas
from .spacings import exponential_sigmas, karras_sigmas, linear_quadratic_sigmas

_TABLE_SIZE = 1000
_BETA_SHAPE = 0.6


def simple_sigmas(steps: int, shift: float) -> Tensor:
    """Take every n-th entry of a flow model's table: ComfyUI's scheduler "simple".

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
    return _finish(table[chosen])


def normal_sigmas(steps: int, shift: float) -> Tensor:
    """Space the model's time evenly down to its last level: ComfyUI's scheduler "normal".

    The last non-zero level is the smallest one of the table, shifted a second time as in ComfyUI.

    Args:
        steps: number of steps, at least 1.
        shift: the shift of the model's table of 1000 levels (above 0.1).

    Returns:
        (steps + 1,) float32 ending in 0.
    """
    check_steps(steps)
    table = _flow_table(shift)
    even = torch.linspace(table[-1] * _TABLE_SIZE, table[0] * _TABLE_SIZE, steps) / _TABLE_SIZE
    return _finish(shift_sigmas(even, shift))


def sgm_uniform_sigmas(steps: int, shift: float) -> Tensor:
    """Space the model's time evenly down to 0, then shift: ComfyUI's "sgm_uniform".

    As in ``normal_sigmas``, the levels are shifted a second time.
    """
    check_steps(steps)
    table = _flow_table(shift)
    even = torch.linspace(table[-1] * _TABLE_SIZE, table[0] * _TABLE_SIZE, steps + 1)
    return _finish(shift_sigmas(even[:-1] / _TABLE_SIZE, shift))


def ddim_uniform_sigmas(steps: int, shift: float) -> Tensor:
    """Take every n-th level from the second smallest: "ddim_uniform", often with extra steps."""
    check_steps(steps)
    stride = max(_TABLE_SIZE // steps, 1)
    return _finish(_flow_table(shift)[1::stride].flip(0))


def table_beta_sigmas(steps: int, shift: float) -> Tensor:
    """Take the table's entries at quantiles of a beta distribution, each at most once: "beta".

    The median lies exactly between two entries; ComfyUI takes the upper one.
    """
    check_steps(steps)
    quantiles = (beta_quantile(1 - n / steps, _BETA_SHAPE, _BETA_SHAPE) for n in range(steps))
    places = dict.fromkeys(round(place * (_TABLE_SIZE - 1) + 1e-9) for place in quantiles)
    return _finish(_flow_table(shift)[list(places)])


def kl_optimal_sigmas(steps: int, shift: float) -> Tensor:
    """Space the arctangents of the levels evenly, "kl_optimal".

    Source: Sabour et al., "Align Your Steps", 2024.
    """
    check_steps(steps)
    low, high = _ends(shift)
    even = torch.linspace(math.atan(high), math.atan(low), steps)
    return _finish(even.tan().clamp(max=high))


def _spaced(spacing: Callable[..., Tensor]) -> Callable[[int, float], Tensor]:
    def sigmas(steps: int, shift: float) -> Tensor:
        low, high = _ends(shift)
        return spacing(steps, sigma_min=low, sigma_max=high)

    return sigmas


SCHEDULERS: Mapping[str, Callable[[int, float], Tensor]] = {
    "simple": simple_sigmas,
    "sgm_uniform": sgm_uniform_sigmas,
    "karras": _spaced(karras_sigmas),
    "exponential": _spaced(exponential_sigmas),
    "ddim_uniform": ddim_uniform_sigmas,
    "beta": table_beta_sigmas,
    "normal": normal_sigmas,
    "linear_quadratic": lambda steps, shift: linear_quadratic_sigmas(steps),
    "kl_optimal": kl_optimal_sigmas,
}
"""ComfyUI's schedulers by name, in its order: (steps, shift of the model) -> levels."""


def _ends(shift: float) -> tuple[float, float]:
    table = _flow_table(shift)
    return float(table[0]), float(table[-1])


def _flow_table(shift: float) -> Tensor:
    return shift_sigmas(torch.arange(1, _TABLE_SIZE + 1) / _TABLE_SIZE, shift)


def _finish(levels: Tensor) -> Tensor:
    return torch.cat([levels, levels.new_zeros(1)])
