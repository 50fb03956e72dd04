"""Adaptive projected guidance: reduces the part of the difference that causes oversaturation."""

from torch import Tensor

from .cfg import Combine, Predictions, generated_mask
from .memory import WindowMemory


def apg(*, parallel: float = 0.0, momentum: float = 0.0, threshold: float = 0.0) -> Combine:
    """Guide by the part of the difference that is orthogonal to the conditional prediction.

    In x0, with d = c - u and m = d + momentum m_before, limited to ``threshold``:
    c + (w - 1) (m_orthogonal + parallel m_parallel). With ``parallel`` 1 and the others 0 it is
    classifier-free guidance. Momentum carries over from step to step, separately in each window,
    and restarts when the noise level rises and in a resumed run.
    Source: Sadat et al., "Eliminating Oversaturation and Artifacts of High Guidance Scales in
    Diffusion Models", 2024.

    Args:
        parallel: share of the parallel part to keep, per clip.
        momentum: share of the last difference to add; the paper uses -0.5, 0 turns it off.
        threshold: largest root mean square of a frame's difference; 0 for no limit.
    """
    windows: WindowMemory[tuple[float, Tensor]] = WindowMemory()

    def combine(sides: Predictions, scale: Tensor | float) -> Tensor:
        made, regions = generated_mask(sides.x, sides.at), sides.at.regions
        c, d = sides.conditional, sides.conditional - sides.unconditional
        if momentum:
            last, sigma = windows.of(sides.at), sides.at.level
            before, difference = last.get(d.shape, (0.0, d))
            d = d + momentum * difference if sigma <= before else d
            last[d.shape] = sigma, d
        if threshold > 0:
            size = regions.frame_mean(d**2, made).sqrt()
            d = d * (threshold / size.clamp(min=threshold))
        along = regions.clip_mean(d * c, made) / regions.clip_mean(c * c, made).clamp(min=1e-12) * c
        return c + (scale - 1) * (d - (1 - parallel) * along)

    return combine
