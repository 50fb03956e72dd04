"""CFG-Zero*: the negative prediction scaled to fit, and first steps that wait."""

from typing import Any

from torch import Tensor

from .denoiser import Denoiser
from .guidance import Combine, SamplingRun, Sides, made_places
from .velocity import output_of, x0_of


def cfg_zero(run: SamplingRun) -> Combine:
    """Guide from the unconditional velocity scaled by a = <c, u> / <u, u> per clip.

    v = a u + w (c - a u). Not the same as scaling in x0: the velocity form is the one that was
    published. Source: Fan et al., "CFG-Zero*: Improved Classifier-Free Guidance for Flow Matching
    Models", 2025.
    """

    def combine(sides: Sides, scale: Tensor | float) -> Tensor:
        x, sigma, path = sides.x, sides.sigma, run.path
        made = made_places(x, sigma)
        c = output_of(x, sides.conditional, sigma, path)
        u = output_of(x, sides.unconditional, sigma, path)
        fit = run.regions.clip_mean(c * u, made)
        fit = fit / run.regions.clip_mean(u * u, made).clamp(min=1e-12)
        return x0_of(x, fit * u + scale * (c - fit * u), sigma, path)

    return combine


def zero_init(denoiser: Denoiser, run: SamplingRun, steps: int) -> Denoiser:
    """Leave the state as it is over the first steps: a velocity of 0, without an evaluation.

    Args:
        denoiser: for the other steps.
        run: whose schedule tells the steps.
        steps: how many; one, or 4 % of them, for a model that is not distilled.
    """
    waiting = set(run.sigmas[:-1][:steps].float().tolist())

    def denoise(x: Tensor, sigma: Tensor, /, **extra: Any) -> Tensor:
        if sigma.float().max().item() in waiting:
            return x
        return denoiser(x, sigma, **extra)

    return denoise
