"""How far each place of a clip may be noised: 0 stays, 1 is made anew, between is changed that far.

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
"""Of a LATENT: the ceiling of each place, and ComfyUI's mask, 1 where anything is made."""


def under_ceiling(ceiling: Tensor) -> Wrapper:
    """Keep each place what the run starts from until the run's level has come down to its ceiling.

    Until then the place is predicted to be what is given, so that any solver moves it along
    (1 - s) z + s eps, and a network that takes a level per place is shown it at its ceiling's
    level. From then on it is free; in a step that begins above its ceiling and ends below, it
    makes the part that lies below. A ceiling of 0 is ``hold_given``.

    Args:
        ceiling: in [0, 1] as a flow model's levels, broadcasting to the state: (B, 1, F, H, W) of
            a latent, (B, L, 1) or (B, L, D) of tokens. A token of several has the highest level.

    Raises:
        ValueError: when a run begins that starts from nothing, or whose state has another shape.
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
    """How much of a prediction acts, so that a straight step from here to the level b is one from
    the ceiling c to b: (1 - b/c) / (1 - b/a) from the level a, and nothing where c <= b.
    """
    above, following = at.level, at.run.level_below(at.level)
    share = (1 - following / ceiling) / (1 - following / above)
    return torch.where(ceiling > following, share, 0.0).clamp(max=1)


def _checked(run: SamplingRun, ceiling: Tensor) -> Tensor:
    given = starting_point(run)
    sizes = zip(ceiling.shape, given.shape, strict=False)
    if ceiling.ndim != given.ndim or any(size not in (1, whole) for size, whole in sizes):
        raise ValueError(
            f"noise ceilings {tuple(ceiling.shape)} do not fit a state {tuple(given.shape)}: give "
            "one for each place of the latent"
        )
    return given


def ceiling_of(latent: Mapping[str, Any], samples: Tensor) -> Tensor | None:
    """The ceilings of a LATENT's places (B, 1, F, H, W); None where it carries none.

    Args:
        latent: with ``CEILING_KEY``, (1, 1, F, h, w) in [0, 1].
        samples: (B, C, F, H, W).

    Raises:
        ValueError: the samples are not a video latent.
    """
    ceiling = latent.get(CEILING_KEY)
    return None if ceiling is None else _per_place(ceiling, samples)


def _per_place(values: Tensor, samples: Tensor, time_factor: int = 1) -> Tensor:
    if has_streams(samples) or samples.ndim != 5:
        raise ValueError(
            "the latent says how far each of its places may change, but is not a video latent "
            "(batch, channels, frames, rows, columns): give it to a model that makes video alone"
        )
    return latent_mask(values, samples, time_factor)[:, None]


def ceilings_of_tokens(
    tokens: Tokens, extras: Sequence[Mapping[str, Any]], time_factor: int
) -> Tensor | None:
    """The ceilings of packed clips (B, L, D), by their masks where they have no others.

    Args:
        tokens: the clips.
        extras: what each one's LATENT carried beside its samples.
        time_factor: frames of the video behind a latent frame.

    Returns:
        None where all of every clip is made.
    """
    if not any(key in each for each in extras for key in (CEILING_KEY, MASK_KEY)):
        return None
    clips = zip(extras, unpatchify(tokens), strict=True)
    each = [_allowed(told, clip, time_factor).expand_as(clip) for told, clip in clips]
    return patchify(each, patch=tokens.patch).values


def _allowed(latent: Mapping[str, Any], samples: Tensor, time_factor: int) -> Tensor:
    """The lower of ceiling and mask in each place."""
    allowed = torch.ones_like(samples[:, :1])
    for key in (CEILING_KEY, MASK_KEY):
        if latent.get(key) is not None:
            places = _per_place(latent[key], samples, time_factor)
            allowed = torch.minimum(allowed, places.to(allowed))
    return allowed


def with_given(made: Tensor, given: Tensor, *allowed: Tensor | None) -> Tensor:
    """What was made, with what is given in its places bit for bit.

    Args:
        made, given: of the same shape.
        allowed: masks and ceilings, 0 where something is given; None for none.
    """
    for each in allowed:
        if each is not None:
            made = torch.where(each.to(made.device) == 0, given.to(made), made)
    return made


def highest_ceiling(latents: Iterable[Mapping[str, Any]]) -> float:
    """The highest ceiling of all places of LATENTs, 0 where all of them are given."""
    return max(map(_highest, latents))


def _highest(latent: Mapping[str, Any]) -> float:
    ceiling, mask = latent.get(CEILING_KEY), latent.get(MASK_KEY)
    if ceiling is not None:
        return float(ceiling.max())
    return 1.0 if mask is None or has_streams(mask) else float(mask.any())


def cut_levels(sigmas: Tensor, ceiling: float, process: NoiseProcess) -> Tensor:
    """Let a schedule begin at a ceiling: levels above it are left out.

    Args:
        sigmas: (n + 1,) falling levels of the process.
        ceiling: in [0, 1] as a flow model's levels.
        process: of the model.

    Returns:
        The schedule itself where it begins below; one level, which is no step, where all of it
        lies above.
    """
    highest = process.level_of(ceiling)
    if not (sigmas > highest).any():
        return sigmas
    return torch.cat([sigmas.new_tensor([highest]), sigmas[sigmas < highest]])
