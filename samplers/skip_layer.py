"""Skip-layer guidance: away from what the network predicts without some of its blocks."""

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from .denoiser import Denoiser
from .guidance import Predict, keep_given


@dataclass(frozen=True, eq=False)
class SkippedBlocks:
    """A condition, evaluated by the network without some of its blocks."""

    condition: Any
    blocks: frozenset[int]


def skip_layers(
    denoiser: Denoiser,
    predict: Predict,
    weak: SkippedBlocks,
    scale: float,
    *,
    low: float = 0.2,
    high: float = 0.9,
) -> Denoiser:
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

    def denoise(x: Tensor, sigma: Tensor, /, **extra: Any) -> Tensor:
        out = denoiser(x, sigma, **extra)
        if scale == 0 or not low <= sigma.max().item() <= high:
            return out
        strong, without = predict(x, sigma, (weak.condition, weak), **extra)
        return keep_given(out + scale * (strong - without), x, sigma)

    return denoise
