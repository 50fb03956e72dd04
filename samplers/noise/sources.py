"""Noise derived from other noise: per-frame seeds, mixtures, shifts in time."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor

from ..checks import check_one_stream, has_streams
from .frames import DRAWN_TOGETHER, FrameNoise
from .steps import StepNoise


class Noise(Protocol):
    """A host's NOISE interface; the pack's own noise also has ``draw``, see ``draw_noise``."""

    seed: int

    def generate_noise(self, latent: Mapping[str, Any]) -> Tensor:
        """Generate standard normal noise shaped like ``latent["samples"]``."""
        ...


def draw_noise(noise: Noise, latent: Mapping[str, Any], draw: int) -> Tensor:
    """Draw the initial noise of a run (draw 0) or the noise after its k-th step (draw k).

    A host's own noise provides only draw 0; later draws are made per frame from its seed.
    """
    if draw == 0:
        return noise.generate_noise(latent)
    source = noise if hasattr(noise, "draw") else FrameNoise(noise.seed)
    return source.draw(latent, draw)  # pyright: ignore[reportAttributeAccessIssue]


def step_noise_of(noise: Noise, latent: Mapping[str, Any]) -> StepNoise | None:
    """Return the noise that a stochastic solver adds after each step of a run on ``latent``.

    None for a latent of several streams: the solver then draws for all of them from its seed.
    """
    if has_streams(latent["samples"]):
        return None
    return lambda step: draw_noise(noise, latent, step + 1)


def seeds_in(noise: Noise) -> frozenset[int]:
    """Return every seed that a noise draws from, including per-frame seeds."""
    return noise.sources if isinstance(noise, _Drawn) else frozenset({noise.seed})


class _Drawn(ABC):
    """Noise that can be drawn for every step of a run."""

    @property
    @abstractmethod
    def sources(self) -> frozenset[int]:
        """Every seed that this noise draws from."""

    def generate_noise(self, latent: Mapping[str, Any]) -> Tensor:
        """Generate noise shaped like ``latent["samples"]``, see ``FrameNoise``."""
        check_one_stream(latent["samples"], DRAWN_TOGETHER)
        return self.draw(latent, 0)

    @abstractmethod
    def draw(self, latent: Mapping[str, Any], draw: int) -> Tensor:
        """Draw the initial noise of a run (draw 0) or the noise after its k-th step (draw k)."""


@dataclass(frozen=True)
class FrameSeeds(_Drawn):
    """Noise with separate seeds for some frames.

    Args:
        base: noise of all other frames.
        seeds: absolute latent frame -> seed.
    """

    base: Noise
    seeds: Mapping[int, int] = field(default_factory=dict)

    @property
    def seed(self) -> int:
        """The base's seed."""
        return self.base.seed

    @property
    def sources(self) -> frozenset[int]:
        """The seeds of the base and of the frames."""
        return seeds_in(self.base) | frozenset(self.seeds.values())

    def draw(self, latent: Mapping[str, Any], draw: int) -> Tensor:
        """Draw the base's noise and replace the frames that have their own seeds."""
        made = draw_noise(self.base, latent, draw).clone()
        axis = 0 if made.ndim == 4 else 2  # (F, C, H, W) or (B, C, F, H, W)
        first = int(latent.get("first_frame", 0))
        for frame, seed in self.seeds.items():
            if 0 <= frame - first < made.shape[axis]:
                samples = latent["samples"].narrow(axis, frame - first, 1)
                one = {**latent, "samples": samples, "first_frame": frame}
                made.narrow(axis, frame - first, 1).copy_(FrameNoise(seed).draw(one, draw))
        return made


@dataclass(frozen=True)
class MixedNoise(_Drawn):
    """The mixture cos(a) first + sin(a) second, a = share pi / 2, which is standard normal too.

    Args:
        first, second: two noise sources with no seed in common.
        share: 0 is the first, 1 the second.

    Raises:
        ValueError: the share is out of range, or both use the same seed.
    """

    first: Noise
    second: Noise
    share: float

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise ValueError(f"share {self.share} of the second noise: use a number from 0 to 1")
        if common := seeds_in(self.first) & seeds_in(self.second):
            raise ValueError(
                f"both noises have the seed {min(common)}, so their mixture would be too "
                "strong: use two different seeds"
            )

    @property
    def seed(self) -> int:
        """The seed of the first noise."""
        return self.first.seed

    @property
    def sources(self) -> frozenset[int]:
        """The seeds of both."""
        return seeds_in(self.first) | seeds_in(self.second)

    def draw(self, latent: Mapping[str, Any], draw: int) -> Tensor:
        """Draw the mixture; at shares 0 and 1, exactly the one noise."""
        if self.share in (0, 1):
            return draw_noise(self.second if self.share else self.first, latent, draw)
        angle = self.share * math.pi / 2
        first, second = (draw_noise(each, latent, draw) for each in (self.first, self.second))
        return torch.add(math.cos(angle) * first, second, alpha=math.sin(angle))


@dataclass(frozen=True)
class ShiftedNoise(_Drawn):
    """Noise shifted in time, as if the clip started ``frames`` latent frames later.

    Args:
        base: one of the pack's noise objects, since a host's own noise has no position in time.
        frames: latent frames to shift by; negative for frames before the start.

    Raises:
        ValueError: the base is a host's own noise.
    """

    base: Noise
    frames: int

    def __post_init__(self) -> None:
        if not hasattr(self.base, "draw"):
            raise ValueError(
                f"{type(self.base).__name__} cannot be shifted in time: use the Noise node"
            )

    @property
    def seed(self) -> int:
        """The base's seed."""
        return self.base.seed

    @property
    def sources(self) -> frozenset[int]:
        """The base's seeds."""
        return seeds_in(self.base)

    def draw(self, latent: Mapping[str, Any], draw: int) -> Tensor:
        """Draw the base's noise for the shifted frames."""
        first = int(latent.get("first_frame", 0)) + self.frames
        return draw_noise(self.base, {**latent, "first_frame": first}, draw)
