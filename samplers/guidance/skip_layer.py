"""Skip-layer guidance: guide away from the network's prediction without some of its blocks."""

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from ..runs import Evaluation, RunDenoiser
from .cfg import Predict, keep_given


@dataclass(frozen=True, eq=False)
class SkippedBlocks:
    """A condition to evaluate without some of the network's blocks."""

    condition: Any
    blocks: frozenset[int]


def skip_layers(
    denoiser: RunDenoiser,
    predict: Predict,
    weak: SkippedBlocks,
    scale: float,
    *,
    low: float = 0.2,
    high: float = 0.9,
) -> RunDenoiser:
    """Add scale (c - p), with p the weak prediction, at noise levels from ``low`` to ``high``.

    Source: Hyung et al., "Spatiotemporal Skip Guidance for Enhanced Video Diffusion Sampling",
    2024 (residual mode); Stable Diffusion 3.5 calls it skip-layer guidance.

    Args:
        denoiser: the denoiser to whose result it is added.
        predict: evaluates both conditions; ``remember`` saves the evaluation of c.
        weak: the positive condition and the blocks to skip; one or two middle blocks are usual.
        scale: strength; 0 adds no evaluations.
        low, high: range of noise levels outside which nothing is added.
    """

    def denoise(x: Tensor, at: Evaluation) -> Tensor:
        out = denoiser(x, at)
        if scale == 0 or not low <= at.level <= high:
            return out
        strong, without = predict(x, at, (weak.condition, weak))
        return keep_given(out + scale * (strong - without), x, at)

    return denoise
