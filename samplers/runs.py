"""A sampling run, one evaluation within it, and wrappers around a denoiser.

B batch, C channels, F frames, H rows, W columns, L tokens, D features.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from ..models.hooks import NO_HOOKS, BlockHooks
from .clips import Clips
from .denoiser import Denoiser
from .noise.steps import StepNoise
from .process import NoiseProcess
from .regions import LATENT, Regions


@dataclass(frozen=True, eq=False)
class SamplingRun:
    """Constants of a sampling run.

    Args:
        sigmas: (n + 1,) levels of the schedule.
        process: how states mix signal and noise.
        clips: the clips of the run, with the absolute frames they cover; None if unknown.
        given: the normalised latent that the run starts from, in the shape of the state; zeros for
            an empty one.
        takes_levels: whether the network was trained with per-position noise levels.
        noise: initial standard normal noise of the run; None if unknown.
        draws: number -> later noise, in the shape of the state; None draws it from the run's seed.
        further: denoisers for prompts other than the run's, by name.
    """

    sigmas: Tensor
    process: NoiseProcess = NoiseProcess.FLOW
    clips: Clips | None = None
    given: Tensor | None = None
    takes_levels: bool = False
    noise: Tensor | None = None
    draws: StepNoise | None = None
    further: Mapping[str, "RunDenoiser"] = field(default_factory=dict)

    @cached_property
    def _levels(self) -> list[float]:
        return self.sigmas[:-1].tolist()

    def step_at(self, level: float) -> int | None:
        """Number of the step that starts at a level; None between steps."""
        wanted = torch.tensor([*self._levels, level], dtype=torch.float32).tolist()
        return wanted.index(wanted[-1]) if wanted[-1] in wanted[:-1] else None

    def step_in_progress(self, level: float) -> int:
        """Number of the step that contains a level; the first or last step beyond the schedule."""
        above = int((self.sigmas[:-1] >= level).sum())
        return max(above - 1, 0)

    def level_below(self, level: float) -> float:
        """The schedule's next level below this one; 0 below the last."""
        below = self.sigmas[self.sigmas < level]
        return below.max().item() if len(below) else 0.0

    def progress(self, level: float) -> float:
        """Share of the steps before a level: 0 at the first, 1 at the last, linear in between."""
        levels = self._levels
        for number, (high, low) in enumerate(pairwise(levels)):
            if level >= low:
                return (number + max(high - level, 0.0) / (high - low)) / (len(levels) - 1)
        return float(len(levels) > 1)


@dataclass(frozen=True, eq=False)
class Evaluation:
    """One evaluation of a denoiser: its noise level and the part of the run that it sees.

    Args:
        run: the run it belongs to.
        sigma: (B,) noise level of the run, as passed by the solver.
        places: per-position noise levels in the shape of the state without its channels,
            (B, F, H, W) for a latent or (B, L) for tokens; 0 marks given positions. None if all
            positions have the run's level.
        clips: clips in the state, for instance a window of the run's; None if unknown.
        hooks: changes to the network's blocks, in addition to those of the guidance.
        extra_args: arguments that the solver was given for its denoiser.
    """

    run: SamplingRun
    sigma: Tensor
    places: Tensor | None = None
    clips: Clips | None = None
    hooks: BlockHooks = NO_HOOKS
    extra_args: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def level(self) -> float:
        """Noise level of the run; per-position levels may be lower."""
        return self.sigma.max().item()

    @property
    def step(self) -> int | None:
        """Number of the step that starts at this level; None between steps."""
        return self.run.step_at(self.level)

    @property
    def progress(self) -> float:
        """Share of the run's steps before this level."""
        return self.run.progress(self.level)

    @property
    def levels(self) -> Tensor:
        """Noise levels for guidance rules and networks: one per position, or one per row (B,)."""
        return self.sigma if self.places is None else self.places

    @property
    def regions(self) -> Regions:
        """Which values belong to which clip and frame."""
        return LATENT if self.clips is None else self.clips.regions

    def levels_like(self, values: Tensor) -> Tensor:
        """Noise levels that broadcast with per-position values."""
        if self.places is not None:
            return self.places
        return self.sigma.reshape(-1, *[1] * (values.ndim - 1))

    def window(self, x: Tensor, frames: Sequence[int]) -> tuple[Tensor, "Evaluation"]:
        """Cut the state down to these absolute frames, with a matching evaluation.

        ``Clips.find`` gives their indices. A frame may occur twice, for instance where a loop
        continues past its end.

        Raises:
            ValueError: the frames of this run are unknown, or none of the requested ones is in it.
        """
        if self.clips is None:
            raise ValueError(
                f"a window of a state of shape {tuple(x.shape)} whose frames are unknown: use a "
                "video latent (batch, channels, frames, rows, columns) or tokens"
            )
        clips = self.clips.window(frames)
        if clips is self.clips:
            return x, self
        index = self.clips.find(frames)
        places = None if self.places is None else self.clips.take(self.places, index)
        sigma = self.sigma
        if self.clips.along_batch and len(sigma) == len(x):
            sigma = self.clips.take(sigma, index)
        return self.clips.take(x, index), replace(self, sigma=sigma, clips=clips, places=places)

    def part(self, whole: Tensor) -> Tensor:
        """Select this evaluation's part of the run's state or of per-position values."""
        if self.clips is None or self.clips.index is None:
            return whole
        return self.clips.take(whole, self.clips.index)

    def to(self, device: torch.device) -> "Evaluation":
        """Move the evaluation to the device of a copy of the network."""
        if self.sigma.device == device:
            return self
        places = None if self.places is None else self.places.to(device)
        residuals = {n: each.to(device) for n, each in self.hooks.residuals.items()}
        hooks = replace(self.hooks, residuals=residuals)
        return replace(self, sigma=self.sigma.to(device), places=places, hooks=hooks)

    def repeated(self, times: int) -> "Evaluation":
        """Repeat the evaluation for a state repeated ``times`` times along the batch."""
        if times == 1:
            return self
        places = None if self.places is None else torch.cat([self.places] * times)
        residuals = {n: torch.cat([each] * times) for n, each in self.hooks.residuals.items()}
        hooks = replace(self.hooks, residuals=residuals)
        return replace(self, sigma=torch.cat([self.sigma] * times), places=places, hooks=hooks)


RunDenoiser = Callable[[Tensor, Evaluation], Tensor]
"""(x, evaluation) -> x0: a denoiser within a run, which receives more than a noise level."""

Wrapper = Callable[[RunDenoiser, SamplingRun], RunDenoiser]
"""(denoiser, run) -> denoiser: kept frames, windows and anything else wrapped around guidance."""


def placed(
    wrappers: tuple[Wrapper, ...], wrapper: Wrapper, *, innermost: bool
) -> tuple[Wrapper, ...]:
    """Add a wrapper as the outermost or the innermost."""
    return (wrapper, *wrappers) if innermost else (*wrappers, wrapper)


def wrapped(denoiser: RunDenoiser, wrappers: Iterable[Wrapper], run: SamplingRun) -> RunDenoiser:
    """Wrap a denoiser in wrappers; the last one is outermost."""
    for wrapper in wrappers:
        denoiser = wrapper(denoiser, run)
    return denoiser


def for_solver(denoiser: RunDenoiser, run: SamplingRun) -> Denoiser:
    """Adapt a run's denoiser to the signature that solvers call."""

    def denoise(x: Tensor, sigma: Tensor, /, **extra_args: Any) -> Tensor:
        return denoiser(x, Evaluation(run, sigma, clips=run.clips, extra_args=extra_args))

    return denoise
