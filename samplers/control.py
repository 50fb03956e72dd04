"""How strongly a control branch steers, and what of its hint one evaluation sees.

B batch, C channels, F frames, H rows, W columns, L tokens, D width, E features of a hint's patches.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass, replace

import torch
from einops import reduce
from torch import Tensor

from ..models.control.network import ControlNetwork
from ..models.dit.trunk import PreparedContext
from ..models.hooks import Embedded
from ..models.patchify import Patch, to_patches
from .clips import Clips

PercentToSigma = Callable[[float], float]
"""Share of a model's sampling that is done, in [0, 1] -> noise level, falling."""

_HALVINGS = 40
"""Until the share of a noise level is known to 1e-12."""

Curve = tuple[tuple[float, float], ...]


@dataclass(frozen=True, eq=False, kw_only=True)
class ControlStrength:
    """How strongly a branch's residuals are added: the product of all factors.

    Args:
        factor: of everything; 0 for no control.
        start, end: shares of the sampling between which there is any control, as ComfyUI counts
            them, 0 to 1; outside of them the branch is not run.
        curve: (share of the sampling, factor) points, rising in the share: linear between them,
            constant before the first and behind the last. Empty for 1.
        blocks: factors of the branch's blocks, first to last; empty for 1.
        weights: factors over frames and places of the video, (F or 1, H or 1, W or 1), of any rows
            and columns, 0 or more; None for 1.

    Raises:
        ValueError: the shares or the weights are out of range.
    """

    factor: float = 1.0
    start: float = 0.0
    end: float = 1.0
    curve: Curve = ()
    blocks: tuple[float, ...] = ()
    weights: Tensor | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.start <= self.end <= 1:
            raise ValueError(
                f"control from {self.start:g} to {self.end:g} of the sampling: start and end lie "
                "between 0 and 1, and end not before start"
            )
        shares = [share for share, _ in self.curve]
        if shares != sorted(set(shares)):
            raise ValueError(
                f"control changes at the shares {shares} of the sampling: let them rise"
            )
        if self.weights is None:
            return
        if self.weights.ndim != 3 or bool((self.weights < 0).any()):
            raise ValueError(
                f"control weights of shape {tuple(self.weights.shape)} from "
                f"{float(self.weights.min()):g} on: (frames, rows, columns) are needed, each as "
                "many as the video's or 1, and no weight below 0"
            )

    def weighted(self, weights: Tensor) -> "ControlStrength":
        """The same with further factors (F or 1, H or 1, W or 1), multiplied with those it has.

        Raises:
            ValueError: they differ from those it has in frames, rows or columns.
        """
        if self.weights is None:
            return replace(self, weights=weights)
        pairs = zip(self.weights.shape, weights.shape, strict=True)
        if any(1 not in pair and pair[0] != pair[1] for pair in pairs):
            raise ValueError(
                f"control weights of {tuple(weights.shape)} frames, rows and columns beside others "
                f"of {tuple(self.weights.shape)}: give both the same ones, or one for all"
            )
        return replace(self, weights=self.weights * weights)

    def same_as(self, other: "ControlStrength") -> bool:
        """Whether all factors are equal."""
        one, two = (astuple(replace(each, weights=None)) for each in (self, other))
        if one != two:
            return False
        if self.weights is None or other.weights is None:
            return self.weights is other.weights
        return torch.equal(self.weights, other.weights)

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
        if not self.curve:
            return self.factor
        return self.factor * _on_curve(self.curve, percent_at(sigma, percent_to_sigma))

    def of_blocks(self, count: int) -> tuple[float, ...]:
        """Factors of a branch's blocks.

        Raises:
            ValueError: there are others than the branch has blocks.
        """
        if self.blocks and len(self.blocks) != count:
            raise ValueError(
                f"control strengths for {len(self.blocks)} blocks: this ControlNet has {count}"
            )
        return self.blocks or (1.0,) * count


def percent_at(sigma: float, percent_to_sigma: PercentToSigma) -> float:
    """Share of a model's sampling at a noise level, in [0, 1]."""
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if percent_to_sigma(middle) > sigma else (low, middle)
    return (low + high) / 2


def _on_curve(curve: Curve, share: float) -> float:
    place = bisect_right([at for at, _ in curve], share)
    if place in (0, len(curve)):
        return curve[max(place - 1, 0)][1]
    (start, before), (end, after) = curve[place - 1], curve[place]
    return before + (after - before) * (share - start) / (end - start)


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
