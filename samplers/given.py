"""Hold what is given of a clip while the rest of it is made, with a noise level per place.

B batch, C channels, F frames, H rows, W columns, L tokens, D features.
"""

from dataclasses import replace

import torch
from torch import Tensor

from .denoiser import broadcast_sigma, to_denoised, to_velocity
from .runs import Evaluation, RunDenoiser, SamplingRun, Wrapper


def hold_given(known: Tensor, *, noise: Tensor | None = None) -> Wrapper:
    """Hold the known places of what a run starts from: clean, at level 0 and never changed.

    A place that is known in part is mixed with what is given, and its level is lowered that much.

    With ``noise`` places are held as ComfyUI holds what a noise mask leaves out. A network that
    takes one level for all places then sees them as noisy as the rest; the prediction of a place
    that is known in part is the velocity's at the run's level.

    Args:
        known: bool or in [0, 1], (B, F, H, W) of a latent or (B, L) of tokens.
        noise: that the run starts from, in the shape of the state.

    Raises:
        ValueError: when a run begins whose state has another shape, or, without ``noise``, whose
            network takes one level for all places.
    """

    def wrapper(denoiser: RunDenoiser, run: SamplingRun) -> RunDenoiser:
        given = _checked(run, known, noise)

        def held(x: Tensor, at: Evaluation) -> Tensor:
            here, clean = at.part(known).to(x.device, torch.float32), at.part(given).to(x)
            spread = broadcast_sigma(here, x).expand_as(x)
            inside, seen = at, clean
            if run.takes_levels:
                inside = replace(at, places=(1 - here) * at.levels_like(here))
            elif noise is not None:
                seen = torch.lerp(clean, at.part(noise).to(x), broadcast_sigma(at.sigma, x))
            x = torch.lerp(x, seen, spread)
            x0 = denoiser(x, inside)
            if noise is not None and inside.places is not None:
                x0 = to_denoised(x, to_velocity(x, x0, inside.places), at.sigma)
            return torch.lerp(x0, clean, spread)

        return held

    return wrapper


def _checked(run: SamplingRun, known: Tensor, noise: Tensor | None) -> Tensor:
    if noise is None and not run.takes_levels:
        raise ValueError(
            "parts of the clip are given, but this model takes one noise level for all places: "
            "use a model that was trained with a level per token, such as the shipped one or Wan "
            "2.2 5B"
        )
    given = starting_point(run)
    broadcast_sigma(known, given)
    return given


def starting_point(run: SamplingRun) -> Tensor:
    """What a run starts from.

    Raises:
        ValueError: it starts from nothing.
    """
    if run.given is None:
        raise ValueError("parts of the clip are given, but the run starts from nothing")
    return run.given
