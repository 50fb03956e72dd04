"""Random numbers from a seed, handed out in a fixed order."""

from __future__ import annotations

from collections.abc import Iterable

import torch

_DRAWS = 16


class SeededDraws:
    """Random numbers of a seed in a fixed order, so that a constraint does not shift the others."""

    def __init__(self, seed: int) -> None:
        self._generator = torch.Generator().manual_seed(seed)
        self._draws: list[float] = []

    def between(self, low: float, high: float) -> float:
        """Return a number drawn uniformly from [low, high)."""
        return low + (high - low) * self._next()

    def choose(self, options: Iterable[str], fixed: str | None = None) -> str:
        """Return one of the options, or `fixed` if given; one number is consumed either way."""
        names = tuple(options)
        drawn = names[int(len(names) * self._next())]
        return drawn if fixed is None else fixed

    def _next(self) -> float:
        if not self._draws:
            draws = torch.rand(_DRAWS, generator=self._generator, dtype=torch.float64)
            self._draws = draws.tolist()[::-1]
        return self._draws.pop()
