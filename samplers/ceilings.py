"""Noise ceilings: how far each position of a clip may change. 0 keeps it, 1 regenerates it.

B batch, C channels, F frames, H rows, W columns, L tokens, D features.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from ..models.patchify import Tokens, patchify, unpatchify
from .checks import has_streams
from .denoiser import broadcast_sigma
from .given import starting_point
from .masks import latent_mask
from .process import NoiseProcess
from .runs import Evaluation, RunDenoiser, SamplingRun, Wrapper

CEILING_KEY, MASK_KEY = "noise_ceiling", "noise_mask"
"""Keys of a LATENT: the ceiling of each position, and ComfyUI's mask (1 = generated)."""


def under_ceiling(ceiling: Tensor) -> Wrapper:
    """Keep each position at the given clip until the run's noise level falls to its ceiling.

    Above its ceiling, the prediction for a position is the given clip, so any solver moves it along
    (1 - s) z + s eps; a network with per-position levels sees it at its ceiling's level. Below the
    ceiling, the position is free. A step that starts above the ceiling and ends below it generates
    only the part below. A ceiling of 0 is equivalent to ``hold_given``.

    Args:
        ceiling: flow noise levels in [0, 1] that broadcast to the state: (B, 1, F, H, W) for a
            latent, (B, L, 1) or (B, L, D) for tokens. A token with several ceilings is seen at the
            highest level.

    Raises:
        ValueError: at the start of a run that has no given clip or whose state has another shape.
    """

    def wrapper(denoiser: RunDenoiser, run: SamplingRun) -> RunDenoiser:
        given = _checked(run, ceiling)
        highest = run.process.level_of(ceiling)

        def capped(x: Tensor, at: Evaluation) -> Tensor:
            here, clean = at.part(highest).to(x), at.part(given).to(x)
            level = broadcast_sigma(at.levels, x)
            below = here < level
            if not below.any():
                return denoiser(x, at)
            shown, inside = x, at
            if run.takes_levels:
                shown = torch.where(below, clean + here / level * (x - clean), x)
                lowered = torch.minimum(here, level).amax(2 if x.ndim == 3 else 1)
                inside = replace(at, places=lowered.to(at.sigma))
            x0 = denoiser(shown, inside)
            return torch.where(below, torch.lerp(clean, x0, _share(here, at)), x0)

        return capped

    return wrapper


def _share(ceiling: Tensor, at: Evaluation) -> Tensor:
    """Weight of a prediction that turns a straight step from level a to level b into a step from
    the ceiling c to b: (1 - b/c) / (1 - b/a), or 0 where c <= b.
    """
    above, following = at.level, at.run.level_below(at.level)
    share = (1 - following / ceiling) / (1 - following / above)
    return torch.where(ceiling > following, share, 0.0).clamp(max=1)


def _checked(run: SamplingRun, ceiling: Tensor) -> Tensor:
    given = starting_point(run)
    sizes = zip(ceiling.shape, given.shape, strict=False)
    if ceiling.ndim != given.ndim or any(size not in (1, whole) for size, whole in sizes):
        raise ValueError(
            f"noise ceilings of shape {tuple(ceiling.shape)} do not fit a state of shape "
            f"{tuple(given.shape)}: give one ceiling per latent position"
        )
    return given


def ceiling_of(latent: Mapping[str, Any], samples: Tensor) -> Tensor | None:
    """Ceilings (B, 1, F, H, W) of a LATENT, or None if it has none.

    Args:
        latent: may hold ``CEILING_KEY``, (1, 1, F, h, w) in [0, 1].
        samples: (B, C, F, H, W).

    Raises:
        ValueError: the samples are not a video latent.
    """
    ceiling = latent.get(CEILING_KEY)
    return None if ceiling is None else _per_place(ceiling, samples)


def _per_place(values: Tensor, samples: Tensor, time_factor: int = 1) -> Tensor:
    if has_streams(samples) or samples.ndim != 5:
        raise ValueError(
            "the latent has noise ceilings, but is not a video latent "
            "(batch, channels, frames, rows, columns): use it with a model that generates only "
            "video"
        )
    return latent_mask(values, samples, time_factor)[:, None]


def ceilings_of_tokens(
    tokens: Tokens, extras: Sequence[Mapping[str, Any]], time_factor: int
) -> Tensor | None:
    """Ceilings of packed clips (B, L, D), taken from their noise ceilings and masks.

    Args:
        tokens: the clips.
        extras: for each clip, the entries of its LATENT other than the samples.
        time_factor: video frames per latent frame.

    Returns:
        The ceilings, or None if every clip is generated in full.
    """
    if not any(key in each for each in extras for key in (CEILING_KEY, MASK_KEY)):
        return None
    clips = zip(extras, unpatchify(tokens), strict=True)
    each = [_allowed(told, clip, time_factor).expand_as(clip) for told, clip in clips]
    return patchify(each, patch=tokens.patch).values


def _allowed(latent: Mapping[str, Any], samples: Tensor, time_factor: int) -> Tensor:
    """Minimum of ceiling and mask at each position."""
    allowed = torch.ones_like(samples[:, :1])
    for key in (CEILING_KEY, MASK_KEY):
        if latent.get(key) is not None:
            places = _per_place(latent[key], samples, time_factor)
            allowed = torch.minimum(allowed, places.to(allowed))
    return allowed


def with_given(made: Tensor, given: Tensor, *allowed: Tensor | None) -> Tensor:
    """Restore the given values exactly in a generated result.

    Args:
        made, given: the generated result and the given values, of the same shape.
        allowed: masks and ceilings, 0 where values are given; None entries are ignored.
    """
    for each in allowed:
        if each is not None:
            made = torch.where(each.to(made.device) == 0, given.to(made), made)
    return made


def highest_ceiling(latents: Iterable[Mapping[str, Any]]) -> float:
    """Highest ceiling over all positions of the LATENTs; 0 if everything is given."""
    return max(map(_highest, latents))


def _highest(latent: Mapping[str, Any]) -> float:
    ceiling, mask = latent.get(CEILING_KEY), latent.get(MASK_KEY)
    if ceiling is not None:
        return float(ceiling.max())
    return 1.0 if mask is None or has_streams(mask) else float(mask.any())


def cut_levels(sigmas: Tensor, ceiling: float, process: NoiseProcess) -> Tensor:
    """Start a schedule at a ceiling and drop the levels above it.

    Args:
        sigmas: (n + 1,) decreasing levels of the process.
        ceiling: a flow noise level in [0, 1].
        process: noise process of the model.

    Returns:
        The schedule unchanged if it starts at or below the ceiling. If all of it lies above, a
        single level, that is, no steps.
    """
    highest = process.level_of(ceiling)
    if not (sigmas > highest).any():
        return sigmas
    return torch.cat([sigmas.new_tensor([highest]), sigmas[sigmas < highest]])
