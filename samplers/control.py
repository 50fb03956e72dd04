"""Strength of a control branch, and the part of its hint that one evaluation sees.

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
"""Map the completed share of a model's sampling, in [0, 1], to a noise level, decreasing."""

_HALVINGS = 40
"""Bisection steps that locate the share of a noise level to within 1e-12."""

TimeUnit = Literal["frames", "seconds", "share"]
"""Unit of a video's time: frames, seconds, or shares from 0 (first frame) to 1 (last)."""


@dataclass(frozen=True)
class FrameCurve:
    """A factor over the frames of a video, counted from its first frame.

    Args:
        curve: factor over time.
        unit: unit of that time.
    """

    curve: Curve
    unit: TimeUnit = "frames"

    def over(self, frames: int, fps: float | None) -> Tensor:
        """Factors (F, 1, 1) for the frames of a video.

        Args:
            frames: number of frames of the whole video.
            fps: its frame rate, None if unknown.

        Raises:
            ValueError: the frame rate is needed but unknown.
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
                f"the control curve is in seconds ({self.curve}), but this run does not know its "
                "frame rate: use frames as the unit, or sample a latent from Empty Video with "
                "Sample (KSampler does not pass the frame rate on)"
            )
        return fps


@dataclass(frozen=True, eq=False, kw_only=True)
class ControlStrength:
    """Strength at which a branch's residuals are added: the product of all factors.

    Args:
        factor: overall factor; 0 for no control.
        start, end: range of the sampling in which control applies, as shares from 0 to 1, counted
            as in ComfyUI; outside it, the branch does not run.
        steps: factors over the completed share of the sampling.
        frames: factors over the frames of the video.
        blocks: factors of the branch's blocks, first to last; empty for 1.
        weights: non-negative factors over the frames and positions of the video, each
            (F or 1, H or 1, W or 1), at any spatial resolution.

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
                f"control from {self.start:g} to {self.end:g} of the sampling: start and end must "
                "lie between 0 and 1, and end must not precede start"
            )
        for curve in self.steps:
            if not 0 <= curve.keys[0][0] <= curve.keys[-1][0] <= 1:
                raise ValueError(
                    f"control over the sampling with the keys {curve}: their times must be shares "
                    "of the sampling, from 0 (start) to 1 (end)"
                )
        for weights in self.weights:
            if weights.ndim != 3 or not bool((weights >= 0).all()):
                raise ValueError(
                    f"control weights of shape {tuple(weights.shape)}, the lowest "
                    f"{float(weights.min()):g}: expected (frames, rows, columns) with as many "
                    "frames as the video or 1, and no weight below 0"
                )

    @property
    def scheduled(self) -> bool:
        """Whether the strength varies between start and end."""
        return bool(self.steps or self.frames or self.blocks or self.weights)

    def times(self, other: "ControlStrength") -> "ControlStrength":
        """Product of both strengths; the order does not matter.

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
        """Whether all factors other than those over frames and positions are equal."""
        one, two = (astuple(replace(each, frames=(), weights=())) for each in (self, other))
        return one == two

    def at(self, sigma: float, percent_to_sigma: PercentToSigma) -> float:
        """Factor of all residuals at a noise level; 0 if the branch need not run.

        Args:
            sigma: noise level of the run.
            percent_to_sigma: mapping of the model's sampling.
        """
        ends = torch.tensor([float(percent_to_sigma(each)) for each in (self.start, self.end)])
        high, low = ends.tolist()  # in float32, like schedule levels
        if sigma > high or sigma < low or not self.factor:
            return 0.0
        if not self.steps:
            return self.factor
        share = percent_at(sigma, percent_to_sigma)
        return self.factor * prod(curve.at(share) for curve in self.steps)

    def of_blocks(self, count: int) -> tuple[float, ...]:
        """Factors of a branch's blocks.

        Raises:
            ValueError: their number differs from the branch's number of blocks.
        """
        if self.blocks and len(self.blocks) != count:
            raise ValueError(
                f"control strengths for {len(self.blocks)} blocks, but this ControlNet has "
                f"{count}: give {count} strengths, starting with the first block"
            )
        return self.blocks or (1.0,) * count


def _product(one: tuple[float, ...], other: tuple[float, ...]) -> tuple[float, ...]:
    if not one or not other:
        return one or other
    if len(one) != len(other):
        raise ValueError(
            f"control strengths for {len(one)} blocks and for {len(other)}: give each the number "
            "of blocks of the ControlNet"
        )
    return tuple(a * b for a, b in zip(one, other, strict=True))


def percent_at(sigma: float, percent_to_sigma: PercentToSigma) -> float:
    """Completed share of a model's sampling at a noise level, in [0, 1]."""
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if percent_to_sigma(middle) > sigma else (low, middle)
    return (low + high) / 2


@dataclass(frozen=True, eq=False)
class HintState:
    """A hint for a run's state, or for the part of it that one evaluation sees.

    Args:
        hint: input of the branch, (1, C, F, H, W) for a latent or (1, L, E) for packed tokens.
        weights: per-position factors, (1, F, H, W) or (1, L); None for 1.
    """

    hint: Tensor
    weights: Tensor | None = None

    def seen(self, see: Callable[[Tensor], Tensor]) -> "HintState":
        """Apply ``see``, which selects part of a state, to the hint and its weights."""
        return HintState(see(self.hint), None if self.weights is None else see(self.weights))

    def to(self, device: torch.device) -> "HintState":
        """Move the hint to a device."""
        return self.seen(lambda values: values.to(device))

    def in_patches(self, patch: Patch) -> "HintState":
        """Convert a latent's hint to tokens; the weight of a patch is the mean over it."""
        if self.hint.ndim == 3:
            return self
        pt, ph, pw = patch
        sizes = {"pt": pt, "ph": ph, "pw": pw}
        pattern = "B (F pt) (H ph) (W pw) -> B (F H W)"
        weights = None if self.weights is None else reduce(self.weights, pattern, "mean", **sizes)
        return HintState(to_patches(self.hint, patch), weights)


def joined(clips: Clips, patch: Patch, parts: Sequence[HintState]) -> HintState:
    """Join the hints of a run's clips into one state.

    Args:
        clips: clips of the run.
        patch: patch size of the network.
        parts: hint of each clip, in the positions of its latent.
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
        network: network of the branch.
        contexts: its prepared prompts, one for all clips or one per clip of the evaluation.
        state: the part of the hint that the evaluation sees, on the state's device.
        factor: factor of all residuals.
        blocks: factors of the branch's blocks.
    """

    network: ControlNetwork
    contexts: Sequence[PreparedContext]
    state: HintState
    factor: float
    blocks: tuple[float, ...]

    def __call__(self, inside: Embedded) -> Iterator[tuple[int, Tensor]]:
        """Yield the weighted residuals with the numbers of their blocks."""
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
