"""Hold the given part of a clip, by per-position noise levels, while the rest is generated.

B batch, C channels, F frames, H rows, W columns, L tokens, D features.
"""

from dataclasses import replace

import torch
from torch import Tensor

from .denoiser import broadcast_sigma, to_denoised, to_velocity
from .runs import Evaluation, RunDenoiser, SamplingRun, Wrapper


def hold_given(known: Tensor, *, noise: Tensor | None = None) -> Wrapper:
    """Hold the known positions of a run's given clip: clean, at noise level 0, and unchanged.

    A partly known position is blended with the given clip, and its noise level is lowered in
    proportion.

    With ``noise``, positions are held the way ComfyUI holds those outside a noise mask. A network
    that takes a single noise level then sees them as noisy as the rest; the prediction for a partly
    known position is that of the velocity at the run's level.

    Args:
        known: bool or in [0, 1], (B, F, H, W) for a latent or (B, L) for tokens.
        noise: initial noise of the run, in the shape of the state.

    Raises:
        ValueError: at the start of a run whose state has another shape or that has no given clip,
            or, without ``noise``, whose network takes a single noise level.
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
            "parts of the clip are given, but this model takes a single noise level: use a model "
            "trained with a noise level per token, such as the shipped one or Wan 2.2 5B"
        )
    given = starting_point(run)
    broadcast_sigma(known, given)
    return given


def starting_point(run: SamplingRun) -> Tensor:
    """Return the given clip that a run starts from.

    Raises:
        ValueError: the run has no given clip.
    """
    if run.given is None:
        raise ValueError("parts of the clip are given, but the run has no clip to start from")
    return run.given
