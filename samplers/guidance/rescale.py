"""Guidance rescale: restore the standard deviation of the conditional prediction."""

from torch import Tensor

from ..denoiser import output_of, x0_of
from ..regions import Regions
from ..runs import Evaluation, RunDenoiser
from .cfg import Predict, generated_mask, keep_given


def rescale(
    denoiser: RunDenoiser, predict: Predict, positive: object, strength: float
) -> RunDenoiser:
    """Multiply the guided output by strength std(c) / std(out) + 1 - strength, per clip.

    This operates on velocities (on v for eps and v models). Given positions are neither counted nor
    changed. Source: Lin et al., "Common Diffusion Noise Schedules and Sample Steps are Flawed",
    2023, section 3.4.

    Args:
        denoiser: the guided denoiser.
        predict: evaluates the positive condition; ``remember`` saves the second evaluation.
        positive: the positive condition.
        strength: 0 changes nothing, 0.7 is usual.
    """

    def denoise(x: Tensor, at: Evaluation) -> Tensor:
        guided = denoiser(x, at)
        (conditional,) = predict(x, at, (positive,))
        if guided is conditional:
            return guided
        made, sigma, process = generated_mask(x, at), at.levels, at.run.process
        out = output_of(x, guided, sigma, process)
        c = output_of(x, conditional, sigma, process)
        ratio = spread(c, made, at.regions) / spread(out, made, at.regions).clamp(min=1e-12)
        scaled = x0_of(x, out * (strength * ratio + 1 - strength), sigma, process)
        return keep_given(scaled, x, at)

    return denoise


def spread(values: Tensor, made: Tensor | None, regions: Regions) -> Tensor:
    """Return the standard deviation of each clip over the values that ``made`` marks."""
    mean = regions.clip_mean(values, made)
    return regions.clip_mean((values - mean) ** 2, made).sqrt()
