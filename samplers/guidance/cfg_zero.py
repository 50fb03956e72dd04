"""CFG-Zero*: a rescaled negative prediction, and zero velocity in the first steps."""

from torch import Tensor

from ..denoiser import output_of, x0_of
from ..runs import Evaluation, RunDenoiser
from .cfg import Predictions, generated_mask


def cfg_zero(sides: Predictions, scale: Tensor | float) -> Tensor:
    """Guide from the unconditional velocity scaled by a = <c, u> / <u, u> per clip.

    v = a u + w (c - a u). This is the published velocity form; scaling in x0 is not equivalent.
    Source: Fan et al., "CFG-Zero*: Improved Classifier-Free Guidance for Flow Matching Models",
    2025.
    """

    x, sigma, process = sides.x, sides.at.levels, sides.at.run.process
    made, regions = generated_mask(x, sides.at), sides.at.regions
    c = output_of(x, sides.conditional, sigma, process)
    u = output_of(x, sides.unconditional, sigma, process)
    fit = regions.clip_mean(c * u, made)
    fit = fit / regions.clip_mean(u * u, made).clamp(min=1e-12)
    return x0_of(x, fit * u + scale * (c - fit * u), sigma, process)


def zero_init(denoiser: RunDenoiser, steps: int) -> RunDenoiser:
    """Leave the state unchanged in the first steps: velocity 0, without an evaluation.

    Args:
        denoiser: denoiser for the other steps.
        steps: number of first steps; 1, or 4 % of all steps, for a model that is not distilled.
    """

    def denoise(x: Tensor, at: Evaluation) -> Tensor:
        waiting = at.step is not None and at.step < steps
        return x if waiting else denoiser(x, at)

    return denoise
