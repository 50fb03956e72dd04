"""CFG-Zero*: the negative prediction scaled to fit, and first steps that wait."""

from torch import Tensor

from ..denoiser import output_of, x0_of
from ..runs import Evaluation, RunDenoiser
from .cfg import Predictions, generated_mask


def cfg_zero(sides: Predictions, scale: Tensor | float) -> Tensor:
    """Guide from the unconditional velocity scaled by a = <c, u> / <u, u> per clip.

    v = a u + w (c - a u). Not the same as scaling in x0: the velocity form is the one that was
    published. Source: Fan et al., "CFG-Zero*: Improved Classifier-Free Guidance for Flow Matching
    Models", 2025.
    """

    x, sigma, process = sides.x, sides.at.levels, sides.at.run.process
    made, regions = generated_mask(x, sides.at), sides.at.regions
    c = output_of(x, sides.conditional, sigma, process)
    u = output_of(x, sides.unconditional, sigma, process)
    fit = regions.clip_mean(c * u, made)
    fit = fit / regions.clip_mean(u * u, made).clamp(min=1e-12)
    return x0_of(x, fit * u + scale * (c - fit * u), sigma, process)


def zero_init(denoiser: RunDenoiser, steps: int) -> RunDenoiser:
    """Leave the state as it is over the first steps: a velocity of 0, without an evaluation.

    Args:
        denoiser: for the other steps.
        steps: how many; one, or 4 % of them, for a model that is not distilled.
    """

    def denoise(x: Tensor, at: Evaluation) -> Tensor:
        waiting = at.step is not None and at.step < steps
        return x if waiting else denoiser(x, at)

    return denoise
