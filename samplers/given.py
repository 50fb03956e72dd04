"""Hold what is given of a clip while the rest of it is made, with a noise level per place.

B batch, C channels, F frames, H rows, W columns, L tokens, D features.
"""

from dataclasses import replace

import torch
from torch import Tensor

from .denoiser import broadcast_sigma
from .runs import Evaluation, RunDenoiser, SamplingRun, Wrapper


def hold_given(known: Tensor) -> Wrapper:
    """Hold the known places of what a run starts from: clean, at level 0 and never changed.

    A place that is known in part is mixed with what is given, and its level is lowered that much.

    Args:
        known: bool or in [0, 1], (B, F, H, W) of a latent or (B, L) of tokens.

    Raises:
        ValueError: when a run begins whose network takes one level for all places, or whose state
            has another shape.
    """

    def wrapper(denoiser: RunDenoiser, run: SamplingRun) -> RunDenoiser:
        given = _checked(run, known)

        def held(x: Tensor, at: Evaluation) -> Tensor:
            here, clean = at.part(known).to(x.device, torch.float32), at.part(given).to(x)
            spread = broadcast_sigma(here, x).expand_as(x)
            places = (1 - here) * at.levels_like(here)
            x0 = denoiser(torch.lerp(x, clean, spread), replace(at, places=places))
            return torch.lerp(x0, clean, spread)

        return held

    return wrapper


def _checked(run: SamplingRun, known: Tensor) -> Tensor:
    if not run.takes_levels:
        raise ValueError(
            "parts of the clip are given, but this model takes one noise level for all places: "
            "use a model that was trained with a level per token, such as the shipped one or Wan "
            "2.2 5B"
        )
    if run.given is None:
        raise ValueError("parts of the clip are given, but the run starts from nothing")
    broadcast_sigma(known, run.given)
    return run.given
