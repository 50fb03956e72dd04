"""How strongly a control branch steers, and what of its hint one evaluation sees.

B batch, C channels, F frames, H rows, W columns, L tokens, D width, E features of a hint's patches.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass, replace
from math import prod
from typing import Literal

import torch
from einops import reduce
from torch import Tensor

from ..models.control.network import ControlNetwork
from ..models.dit.trunk import PreparedContext
from ..models.hooks import Embedded
from ..models.patchify import Patch, to_patches
from .clips import Clips
from .curves import Curve

PercentToSigma = Callable[[float], float]
"""Share of a model's sampling that is done, in [0, 1] -> noise level, falling."""

_HALVINGS = 40
"""Until the share of a noise level is known to 1e-12."""

TimeUnit = Literal["frames", "seconds", "share"]
"""Of a video's time: its frames, its seconds, or shares of it from 0 (first frame) to 1 (last)."""


@dataclass(frozen=True)
class FrameCurve:
    """A factor over the frames of a video, counted from its first one.

    Args:
        curve: over its time.
        unit: of that time.
    """

    curve: Curve
    unit: TimeUnit = "frames"

    def over(self, frames: int, fps: float | None) -> Tensor:
        """Factors (F, 1, 1) of the frames of a video.

        Args:
            frames: of the whole video.
            fps: its frames per second, None for unknown.

        Raises:
            ValueError: the rate is needed and unknown.
        """
        match self.unit:
            case "frames":
                rate = 1.0
            case "share":
                rate = max(frames - 1.0, 1.0)
            case "seconds":
                rate = self._rate(fps)
        return torch.tensor([self.curve.at(frame / rate) for frame in range(frames)])[:, None, None]

    def _rate(self, fps: float | None) -> float:
        if fps is None:
            raise ValueError(
                f"control at seconds ({self.curve}), and this run does not know its frames per "
                "second: count in frames, or take a latent from Empty Video and sample it with "
                "Sample (KSampler does not hand on the rate)"
            )
        return fps


@dataclass(frozen=True, eq=False, kw_only=True)
class ControlStrength:
    """How strongly a branch's residuals are added: the product of all factors.

    Args:
        factor: of everything; 0 for no control.
        start, end: shares of the sampling between which there is any control, as ComfyUI counts
            them, 0 to 1; outside of them the branch is not run.
        steps: factors over the share of the sampling that is done.
        frames: factors over the frames of the video.
        blocks: factors of the branch's blocks, first to last; empty for 1.
        weights: factors over frames and places of the video, each (F or 1, H or 1, W or 1), of any
            rows and columns, 0 or more.

    Raises:
        ValueError: the shares or the weights are out of range.
    """

    factor: float = 1.0
    start: float = 0.0
    end: float = 1.0
    steps: tuple[Curve, ...] = ()
    frames: tuple[FrameCurve, ...] = ()
    blocks: tuple[float, ...] = ()
    weights: tuple[Tensor, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.start <= self.end <= 1:
            raise ValueError(
                f"control from {self.start:g} to {self.end:g} of the sampling: start and end lie "
                "between 0 and 1, and end not before start"
            )
        for curve in self.steps:
            if not 0 <= curve.keys[0][0] <= curve.keys[-1][0] <= 1:
                raise ValueError(
                    f"control over the sampling with the keys {curve}: their times are shares of "
                    "it, from 0 for its beginning to 1 for its end"
                )
        for weights in self.weights:
            if weights.ndim != 3 or bool((weights < 0).any()):
                raise ValueError(
                    f"control weights of shape {tuple(weights.shape)} from "
                    f"{float(weights.min()):g} on: (frames, rows, columns) are needed, frames as "
                    "many as the video's or 1, and no weight below 0"
                )

    @property
    def scheduled(self) -> bool:
        """Whether it is more than one factor between start and end."""
        return bool(self.steps or self.frames or self.blocks or self.weights)

    def times(self, other: "ControlStrength") -> "ControlStrength":
        """Both one after the other, in whatever order.

        Raises:
            ValueError: they are for different numbers of blocks.
        """
        start, end = max(self.start, other.start), min(self.end, other.end)
        never = start > end
        return ControlStrength(
            factor=0.0 if never else self.factor * other.factor,
            start=start,
            end=start if never else end,
            steps=self.steps + other.steps,
            frames=self.frames + other.frames,
            blocks=_product(self.blocks, other.blocks),
            weights=self.weights + other.weights,
        )

    def same_but_for_places(self, other: "ControlStrength") -> bool:
        """Whether all factors are equal beside those of frames and places."""
        one, two = (astuple(replace(each, frames=(), weights=())) for each in (self, other))
        return one == two

    def at(self, sigma: float, percent_to_sigma: PercentToSigma) -> float:
        """Factor of all residuals at a noise level; 0 where the branch need not be run.

        Args:
            sigma: of the run.
            percent_to_sigma: of the model's sampling.
        """
        ends = torch.tensor([float(percent_to_sigma(each)) for each in (self.start, self.end)])
        high, low = ends.tolist()  # in float32, as levels of schedules are
        if sigma > high or sigma < low or not self.factor:
            return 0.0
        if not self.steps:
            return self.factor
        share = percent_at(sigma, percent_to_sigma)
        return self.factor * prod(curve.at(share) for curve in self.steps)

    def of_blocks(self, count: int) -> tuple[float, ...]:
        """Factors of a branch's blocks.

        Raises:
            ValueError: there are others than the branch has blocks.
        """
        if self.blocks and len(self.blocks) != count:
            raise ValueError(
                f"control strengths for {len(self.blocks)} blocks: this ControlNet has {count}, "
                f"so give {count}, the first block's first"
            )
        return self.blocks or (1.0,) * count


def _product(one: tuple[float, ...], other: tuple[float, ...]) -> tuple[float, ...]:
    if not one or not other:
        return one or other
    if len(one) != len(other):
        raise ValueError(
            f"control strengths for {len(one)} blocks and for {len(other)}: those of one "
            "ControlNet have as many as it has blocks"
        )
    return tuple(a * b for a, b in zip(one, other, strict=True))


def percent_at(sigma: float, percent_to_sigma: PercentToSigma) -> float:
    """Share of a model's sampling at a noise level, in [0, 1]."""
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if percent_to_sigma(middle) > sigma else (low, middle)
    return (low + high) / 2


@dataclass(frozen=True, eq=False)
class HintState:
    """A hint over a run's state, or over what one evaluation sees of it.

    Args:
        hint: as the branch takes it, (1, C, F, H, W) of a latent or (1, L, E) of packed tokens.
        weights: factors of the places, (1, F, H, W) or (1, L); None for 1.
    """

    hint: Tensor
    weights: Tensor | None = None

    def seen(self, see: Callable[[Tensor], Tensor]) -> "HintState":
        """The part that ``see`` takes of a state and of values per place."""
        return HintState(see(self.hint), None if self.weights is None else see(self.weights))

    def to(self, device: torch.device) -> "HintState":
        """The same on a device."""
        return self.seen(lambda values: values.to(device))

    def in_patches(self, patch: Patch) -> "HintState":
        """That of a latent as tokens; a patch's weight is the mean of its places."""
        if self.hint.ndim == 3:
            return self
        pt, ph, pw = patch
        sizes = {"pt": pt, "ph": ph, "pw": pw}
        pattern = "B (F pt) (H ph) (W pw) -> B (F H W)"
        weights = None if self.weights is None else reduce(self.weights, pattern, "mean", **sizes)
        return HintState(to_patches(self.hint, patch), weights)


def joined(clips: Clips, patch: Patch, parts: Sequence[HintState]) -> HintState:
    """The hints of a run's clips as one state.

    Args:
        clips: of the run.
        patch: of the network.
        parts: hint of each clip, in the places of its latent.
    """
    if clips.layout is None:
        return parts[0]
    tokens = [part.in_patches(patch) for part in parts]
    hint = torch.cat([part.hint for part in tokens], dim=1)
    if all(part.weights is None for part in tokens):
        return HintState(hint)
    return HintState(hint, torch.cat([_weights_of(part) for part in tokens], dim=1))


def _weights_of(tokens: HintState) -> Tensor:
    return tokens.hint.new_ones(tokens.hint.shape[:2]) if tokens.weights is None else tokens.weights


@dataclass(frozen=True, eq=False)
class BoundControl:
    """A branch bound to its prompts and its hint for one evaluation: a ``Branch`` of the blocks.

    Args:
        network: of the branch.
        contexts: its prepared prompts, one for all clips or one per clip of the evaluation.
        state: what the evaluation sees of the hint, on the state's device.
        factor: of all residuals.
        blocks: factors of the branch's blocks.
    """

    network: ControlNetwork
    contexts: Sequence[PreparedContext]
    state: HintState
    factor: float
    blocks: tuple[float, ...]

    def __call__(self, inside: Embedded) -> Iterator[tuple[int, Tensor]]:
        """The weighted residuals."""
        state = self.state.in_patches(self.network.control.patch)
        hint = state.hint.expand(len(inside.tokens), -1, -1)  # (B, L, E)
        made = self.network(inside, hint, self.contexts)
        for number, residual, block in zip(
            self.network.control.after, made, self.blocks, strict=True
        ):
            weight = self.factor * block
            if state.weights is None:
                yield number, residual if weight == 1 else residual * weight
            else:
                yield number, residual * (state.weights * weight)[:, :, None]
