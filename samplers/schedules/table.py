"""The noise level table of an eps or v model trained on numbered timesteps."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from .beta import beta_quantile
from .few_step import LCM_ORIGINAL_STEPS, lcm_timesteps
from .flow import check_steps
from .spacings import karras_sigmas


@dataclass(frozen=True)
class NoiseTable:
    """Levels of the training timesteps 0, 1, ..., as noise-to-signal ratios (VE sigmas).

    A state in these units is x = x0 + sigma eps; the network sees x / sqrt(1 + sigma^2).

    Args:
        sigmas: increasing levels of the training timesteps.
    """

    sigmas: tuple[float, ...]

    def sigma(self, timestep: float) -> float:
        """Level of a timestep; ln sigma is interpolated linearly between timesteps."""
        last = len(self.sigmas) - 1
        place = min(max(timestep, 0.0), last)
        below = min(int(place), last - 1)
        low, high = self._logs[below : below + 2]
        return torch.lerp(low, high, place - below).exp().item()

    def timestep(self, sigma: Tensor) -> Tensor:
        """Fractional timestep of each level, the inverse of ``sigma``, clamped to the table."""
        logs = self._logs.to(sigma.device)
        wanted = sigma.double().log().clamp(logs[0], logs[-1])
        above = torch.searchsorted(logs, wanted).clamp(1, len(logs) - 1)
        low, high = logs[above - 1], logs[above]
        return (above - 1 + (wanted - low) / (high - low)).float()

    def at(self, timesteps: Sequence[float]) -> Tensor:
        """Schedule from decreasing timesteps, (n + 1,) float32 ending in 0."""
        return torch.tensor([*(self.sigma(timestep) for timestep in timesteps), 0.0])

    def trailing(self, steps: int) -> Tensor:
        """Evenly spaced timesteps that start at the noisiest: round(T - i T / steps) - 1."""
        total = self._check(steps)
        return self.at([round(total - step * total / steps) - 1 for step in range(steps)])

    def leading(self, steps: int, *, offset: int = 1) -> Tensor:
        """Evenly spaced timesteps from ``offset`` up, as used by Stable Diffusion 1 and 2."""
        stride = self._check(steps) // steps
        return self.at([step * stride + offset for step in reversed(range(steps))])

    def lcm(
        self, steps: int, *, original_steps: int = LCM_ORIGINAL_STEPS, strength: float = 1.0
    ) -> Tensor:
        """Levels of latent consistency sampling, see ``lcm_timesteps``."""
        return self.at(
            lcm_timesteps(
                steps,
                original_steps=original_steps,
                train_steps=len(self.sigmas),
                strength=strength,
            )
        )

    def karras(self, steps: int) -> Tensor:
        """Karras spacing from the table's largest to its smallest level."""
        return karras_sigmas(steps, sigma_min=self.sigmas[0], sigma_max=self.sigmas[-1])

    def beta(self, steps: int, *, a: float = 0.6, b: float = 0.6) -> Tensor:
        """Timesteps at the quantiles of a beta distribution, see ``beta_sigmas``."""
        last = self._check(steps) - 1
        return self.at([last * beta_quantile(1 - step / steps, a, b) for step in range(steps)])

    def _check(self, steps: int) -> int:
        """Return the length of the table, after checking that it suffices for ``steps``."""
        check_steps(steps)
        if steps > len(self.sigmas):
            raise ValueError(
                f"a schedule of {steps} steps for {len(self.sigmas)} trained timesteps: use fewer "
                "steps or a higher strength"
            )
        return len(self.sigmas)

    @property
    def _logs(self) -> Tensor:
        return _logarithms(self.sigmas)


@lru_cache(maxsize=8)
def _logarithms(sigmas: tuple[float, ...]) -> Tensor:
    return torch.tensor(sigmas, dtype=torch.float64).log()
