"""Guidance rescale: the spread of the guided prediction brought back to the conditional one's."""

from typing import Any

from torch import Tensor

from .denoiser import Denoiser
from .guidance import Predict, SamplingRun, keep_given, made_places
from .regions import Regions
from .velocity import output_of, x0_of


def rescale(
    denoiser: Denoiser, predict: Predict, positive: object, run: SamplingRun, strength: float
) -> Denoiser:
    """Multiply the guided output by strength std(c) / std(out) + 1 - strength, per clip.

    In the space of velocities (v for eps and v models). What is given is not counted and not
    changed. Source: Lin et al., "Common Diffusion Noise Schedules and Sample Steps are Flawed",
    2023, section 3.4.

    Args:
        denoiser: a guided one.
        predict: evaluates the positive condition; ``remember`` saves the second evaluation.
        positive: the condition.
        run: path and regions.
        strength: 0 changes nothing, 0.7 is usual.
    """

    def denoise(x: Tensor, sigma: Tensor, /, **extra: Any) -> Tensor:
        guided = denoiser(x, sigma, **extra)
        (conditional,) = predict(x, sigma, (positive,), **extra)
        if guided is conditional:
            return guided
        made = made_places(x, sigma)
        out = output_of(x, guided, sigma, run.path)
        c = output_of(x, conditional, sigma, run.path)
        ratio = spread(c, made, run.regions) / spread(out, made, run.regions).clamp(min=1e-12)
        scaled = x0_of(x, out * (strength * ratio + 1 - strength), sigma, run.path)
        return keep_given(scaled, x, sigma)

    return denoise


def spread(values: Tensor, made: Tensor | None, regions: Regions) -> Tensor:
    """Return the standard deviation of each clip over what is made."""
    mean = regions.clip_mean(values, made)
    return regions.clip_mean((values - mean) ** 2, made).sqrt()
