"""The two noise processes: how a state mixes signal and noise, as far as solvers need to know."""

import math
from enum import Enum
from typing import TypeVar

from torch import Tensor

Level = TypeVar("Level", float, Tensor)

_SMALLEST_SIGNAL = 17 * 2.0**-24
"""1 - sigma for the float32 value nearest to sigma = 1 - 1e-6, where diffusers starts."""


class NoiseProcess(Enum):
    """The factor ``signal`` in a state x = signal x0 + sigma eps at noise level sigma.

    Euler and Heun steps are the same for both processes; log-SNRs and added noise are not.
    """

    FLOW = "flow"
    """x = (1 - sigma) x0 + sigma eps with sigma in [0, 1]: flow models."""
    VE = "ve"
    """x = x0 + sigma eps with any sigma: eps, v, x0 and EDM models in the host's units."""

    def signal(self, sigma: float) -> float:
        """Return the factor of x0."""
        return 1 - sigma if self is NoiseProcess.FLOW else 1.0

    def level_of(self, flow: Level) -> Level:
        """Return the level with the same noise-to-signal ratio as a flow level in [0, 1]."""
        if self is NoiseProcess.FLOW:
            return flow
        if isinstance(flow, Tensor):
            return flow / (1 - flow)
        return flow / (1 - flow) if flow < 1 else math.inf

    def half_log_snr(self, sigma: float) -> float:
        """Return lambda = ln(signal / sigma), finite at pure noise as in diffusers."""
        if sigma == 0:
            return math.inf
        if self is NoiseProcess.VE:
            return -math.log(sigma)
        return math.log(max(1 - sigma, _SMALLEST_SIGNAL) / min(sigma, 1 - _SMALLEST_SIGNAL))
