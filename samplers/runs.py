"""A sampling run, one evaluation within it, and what may be wrapped around a denoiser.

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
    """What stays the same over a run.

    Args:
        sigmas: (n + 1,) levels of the schedule.
        process: how states mix signal and noise.
        clips: that are made, with the absolute frames they cover; None where nobody knows.
        given: what the run starts from, normalised, in the shape of the state; zeros for nothing.
        takes_levels: whether the network was trained with a noise level per place.
        noise: standard normal, that it starts from; None where nobody knows.
        draws: number -> noise that is drawn after the first, each in the shape of the state; None
            where it is drawn from the run's seed.
        further: denoisers for other prompts than the run's, by name.
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
        """Number of the step that starts at a level, None between the steps."""
        wanted = torch.tensor([*self._levels, level], dtype=torch.float32).tolist()
        return wanted.index(wanted[-1]) if wanted[-1] in wanted[:-1] else None

    def step_in_progress(self, level: float) -> int:
        """Number of the step that a level lies in: the first above all, the last below all."""
        above = int((self.sigmas[:-1] >= level).sum())
        return max(above - 1, 0)

    def level_below(self, level: float) -> float:
        """The schedule's next level below this one, 0 under the last."""
        below = self.sigmas[self.sigmas < level]
        return below.max().item() if len(below) else 0.0

    def progress(self, level: float) -> float:
        """Share of the steps before a level: 0 at the first, 1 at the last, linear between two."""
        levels = self._levels
        for number, (high, low) in enumerate(pairwise(levels)):
            if level >= low:
                return (number + max(high - level, 0.0) / (high - low)) / (len(levels) - 1)
        return float(len(levels) > 1)


@dataclass(frozen=True, eq=False)
class Evaluation:
    """One evaluation of a denoiser: where the run stands, and what is looked at.

    Args:
        run: that it belongs to.
        sigma: (B,) noise level of the run, as the solver has it.
        places: noise level of each place, (B, F, H, W) of a latent, (B, L) of tokens: the shape of
            the state without its channels. None where all have the run's; 0 is given.
        clips: that are in the state, a window of the run's for instance; None where nobody knows.
        hooks: changes at the blocks of the network, beside those of the guidance.
        extra_args: what the solver was given for its denoiser.
    """

    run: SamplingRun
    sigma: Tensor
    places: Tensor | None = None
    clips: Clips | None = None
    hooks: BlockHooks = NO_HOOKS
    extra_args: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def level(self) -> float:
        """The run's noise level; places may lie below it."""
        return self.sigma.max().item()

    @property
    def step(self) -> int | None:
        """Number of the step that starts here, None between the steps."""
        return self.run.step_at(self.level)

    @property
    def progress(self) -> float:
        """Share of the run's steps before this level."""
        return self.run.progress(self.level)

    @property
    def levels(self) -> Tensor:
        """Noise levels as rules and networks take them: one per place, or per row (B,)."""
        return self.sigma if self.places is None else self.places

    @property
    def regions(self) -> Regions:
        """Which values belong to one clip and one frame."""
        return LATENT if self.clips is None else self.clips.regions

    def levels_like(self, values: Tensor) -> Tensor:
        """Noise levels that broadcast with values per place."""
        if self.places is not None:
            return self.places
        return self.sigma.reshape(-1, *[1] * (values.ndim - 1))

    def window(self, x: Tensor, frames: Sequence[int]) -> tuple[Tensor, "Evaluation"]:
        """The state in these absolute frames, and its evaluation; ``Clips.find`` says where.

        A frame may be asked for twice, as where a loop goes on behind its end.

        Raises:
            ValueError: nobody knows the frames of this run, or none of them is in it.
        """
        if self.clips is None:
            raise ValueError(
                f"a window of a state {tuple(x.shape)} whose frames are unknown: use a video "
                "latent (batch, channels, frames, rows, columns) or tokens"
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
        """What is looked at of the whole run's state, or of values per place."""
        if self.clips is None or self.clips.index is None:
            return whole
        return self.clips.take(whole, self.clips.index)

    def to(self, device: torch.device) -> "Evaluation":
        """The same on the device of a copy of the network."""
        if self.sigma.device == device:
            return self
        places = None if self.places is None else self.places.to(device)
        residuals = {n: each.to(device) for n, each in self.hooks.residuals.items()}
        hooks = replace(self.hooks, residuals=residuals)
        return replace(self, sigma=self.sigma.to(device), places=places, hooks=hooks)

    def repeated(self, times: int) -> "Evaluation":
        """The same for a state that is there several times along the batch."""
        if times == 1:
            return self
        places = None if self.places is None else torch.cat([self.places] * times)
        residuals = {n: torch.cat([each] * times) for n, each in self.hooks.residuals.items()}
        hooks = replace(self.hooks, residuals=residuals)
        return replace(self, sigma=torch.cat([self.sigma] * times), places=places, hooks=hooks)


RunDenoiser = Callable[[Tensor, Evaluation], Tensor]
"""(x, evaluation) -> x0: a denoiser within a run, which is told more than a noise level."""

Wrapper = Callable[[RunDenoiser, SamplingRun], RunDenoiser]
"""(denoiser, run) -> denoiser: kept frames, windows and all else that goes around guidance."""


def placed(
    wrappers: tuple[Wrapper, ...], wrapper: Wrapper, *, innermost: bool
) -> tuple[Wrapper, ...]:
    """Add a wrapper outside of all, or inside of them."""
    return (wrapper, *wrappers) if innermost else (*wrappers, wrapper)


def wrapped(denoiser: RunDenoiser, wrappers: Iterable[Wrapper], run: SamplingRun) -> RunDenoiser:
    """Put wrappers around a denoiser, the last one outermost."""
    for wrapper in wrappers:
        denoiser = wrapper(denoiser, run)
    return denoiser


def for_solver(denoiser: RunDenoiser, run: SamplingRun) -> Denoiser:
    """The denoiser in the form that solvers call."""

    def denoise(x: Tensor, sigma: Tensor, /, **extra_args: Any) -> Tensor:
        return denoiser(x, Evaluation(run, sigma, clips=run.clips, extra_args=extra_args))

    return denoise
