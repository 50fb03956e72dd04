"""Skip-layer guidance: away from what the network predicts without some of its blocks."""

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from ..runs import Evaluation, RunDenoiser
from .cfg import Predict, keep_given


@dataclass(frozen=True, eq=False)
class SkippedBlocks:
    """A condition, evaluated by the network without some of its blocks."""

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
    """Add scale (c - p), p being the weak prediction, at noise levels from ``low`` to ``high``.

    Source: Hyung et al., "Spatiotemporal Skip Guidance for Enhanced Video Diffusion Sampling",
    2024 (residual mode); Stable Diffusion 3.5 calls it skip-layer guidance.

    Args:
        denoiser: what it is added to.
        predict: evaluates both conditions; ``remember`` saves that of c.
        weak: the positive condition and the blocks to skip; one or two in the middle are usual.
        scale: 0 evaluates nothing more.
        low, high: outside of these levels nothing is added.
    """

    def denoise(x: Tensor, at: Evaluation) -> Tensor:
        out = denoiser(x, at)
        if scale == 0 or not low <= at.level <= high:
            return out
        strong, without = predict(x, at, (weak.condition, weak))
        return keep_given(out + scale * (strong - without), x, at)

    return denoise
