"""Noise made from other noise: other seeds for some frames, mixtures, another place in time."""

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
    """NOISE as the hosts take it; those of the pack also have a ``draw``, see ``draw_noise``."""

    seed: int

    def generate_noise(self, latent: Mapping[str, Any]) -> Tensor:
        """Standard normal noise shaped like ``latent["samples"]``."""
        ...


def draw_noise(noise: Noise, latent: Mapping[str, Any], draw: int) -> Tensor:
    """Draw the noise that a run starts from (draw 0) or that is added after its k-th step.

    A host's own noise has the first only; the later ones are then drawn per frame from its seed.
    """
    if draw == 0:
        return noise.generate_noise(latent)
    source = noise if hasattr(noise, "draw") else FrameNoise(noise.seed)
    return source.draw(latent, draw)  # pyright: ignore[reportAttributeAccessIssue]


def step_noise_of(noise: Noise, latent: Mapping[str, Any]) -> StepNoise | None:
    """Return what a stochastic solver adds after each step of a run on ``latent``.

    None for a latent of several streams: the solver then draws for all of them from its seed.
    """
    if has_streams(latent["samples"]):
        return None
    return lambda step: draw_noise(noise, latent, step + 1)


def seeds_in(noise: Noise) -> frozenset[int]:
    """Return every seed that a noise draws from, those of some of its frames too."""
    return noise.sources if isinstance(noise, _Drawn) else frozenset({noise.seed})


class _Drawn(ABC):
    """Noise that can be drawn for every step of a run."""

    @property
    @abstractmethod
    def sources(self) -> frozenset[int]:
        """Every seed that it draws from."""

    def generate_noise(self, latent: Mapping[str, Any]) -> Tensor:
        """Noise shaped like ``latent["samples"]``, see ``FrameNoise``."""
        check_one_stream(latent["samples"], DRAWN_TOGETHER)
        return self.draw(latent, 0)

    @abstractmethod
    def draw(self, latent: Mapping[str, Any], draw: int) -> Tensor:
        """Noise that a run starts from (draw 0), or that is added after its k-th step."""


@dataclass(frozen=True)
class FrameSeeds(_Drawn):
    """Noise whose frames have seeds of their own.

    Args:
        base: of all other frames.
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
        """The base's seeds and those of the frames."""
        return seeds_in(self.base) | frozenset(self.seeds.values())

    def draw(self, latent: Mapping[str, Any], draw: int) -> Tensor:
        """Noise of the base with the frames of other seeds put in."""
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
    """cos(a) first + sin(a) second, which is standard normal again; a = share pi / 2.

    Args:
        first, second: two sources that have no seed in common.
        share: 0 is the first, 1 the second.

    Raises:
        ValueError: the share is out of range, or a seed occurs in both.
    """

    first: Noise
    second: Noise
    share: float

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise ValueError(f"share {self.share} of the second noise: use 0 to 1")
        if common := seeds_in(self.first) & seeds_in(self.second):
            raise ValueError(
                f"both noises have the seed {min(common)}, so their mixture would be too "
                "strong: use two seeds"
            )

    @property
    def seed(self) -> int:
        """The first one's seed."""
        return self.first.seed

    @property
    def sources(self) -> frozenset[int]:
        """The seeds of both."""
        return seeds_in(self.first) | seeds_in(self.second)

    def draw(self, latent: Mapping[str, Any], draw: int) -> Tensor:
        """Mixture of both, exactly one of them at the ends."""
        if self.share in (0, 1):
            return draw_noise(self.second if self.share else self.first, latent, draw)
        angle = self.share * math.pi / 2
        first, second = (draw_noise(each, latent, draw) for each in (self.first, self.second))
        return torch.add(math.cos(angle) * first, second, alpha=math.sin(angle))


@dataclass(frozen=True)
class ShiftedNoise(_Drawn):
    """Noise of frames further on, as if the clip began there.

    Args:
        base: of the pack, since a host's own noise has no place in time.
        frames: latent frames; negative for frames before the beginning.

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
        """Noise of the base for the later frames."""
        first = int(latent.get("first_frame", 0)) + self.frames
        return draw_noise(self.base, {**latent, "first_frame": first}, draw)
