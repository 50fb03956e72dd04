"""Sampling runs on latents and on packed tokens through the host's own guider and sampler."""
# pyright: reportMissingImports=false

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import comfy.sample
import comfy.utils
from comfy import model_management
from comfy.model_patcher import create_model_options_clone
from torch import Tensor

from ...models.patchify import Tokens, unpatchify
from ...samplers.clips import Clips, clip_of
from ..interface import Latent
from .levels import check_levels
from .model import HostModel
from .network import CLIPS_KEY
from .preview import clips_of_latent, watch_steps


def sample_latent(
    guider: Any, noise: Tensor, sampler: Any, sigmas: Tensor, latent: Latent, seed: int
) -> Tensor:
    """Run any guider and sampler of the host on a LATENT; see ``Host.sample``."""
    patcher = guider.model_patcher
    samples = comfy.sample.fix_empty_latent_channels(patcher, latent["samples"])
    _check_channels(samples, patcher.model.latent_format)
    check_levels(patcher.model, sigmas, samples)
    if isinstance(patcher.model, HostModel):
        factor = patcher.model.weights.latent.time_factor
        guider = with_clips(guider, Clips((clip_of(latent, samples, factor),)))
    mask = latent.get("noise_mask")
    return _sample(guider, noise, sampler, sigmas, samples, mask, seed, clips_of_latent)


def _check_channels(samples: Tensor, latent_format: Any) -> None:
    """Refuse what another family's VAE has made; the host has fitted an empty latent by now."""
    if samples.shape[1] != latent_format.latent_channels:
        raise ValueError(
            f"a latent of {samples.shape[1]} channels; the model works on "
            f"{latent_format.latent_channels}: make it with the VAE that belongs to the model"
        )


def sample_packed(
    guider: Any,
    noise: Tokens,
    sampler: Any,
    sigmas: Tensor,
    tokens: Tokens,
    extras: Sequence[Mapping[str, Any]],
    seed: int,
) -> Tokens:
    """Run any guider and sampler of the host on packed tokens; see ``Host.sample_tokens``."""
    model = guider.model_patcher.model
    if not isinstance(model, HostModel):
        raise ValueError(
            f"the model ({type(model).__name__}) cannot work on tokens: use the Sample node, or a "
            "model from Load Models"
        )
    check_levels(model, sigmas, tokens.values)
    factor = model.weights.latent.time_factor
    each = zip(extras, unpatchify(tokens), strict=True)
    clips = Clips(tuple(clip_of(*told, factor) for told in each), tokens.layout)
    bound = with_clips(guider, clips)

    def clips_of(values: Tensor) -> list[Tensor]:
        return [clip for each in unpatchify(tokens.with_values(values)) for clip in each]

    return tokens.with_values(
        _sample(bound, noise.values, sampler, sigmas, tokens.values, None, seed, clips_of)
    )


def with_clips(guider: Any, clips: Clips) -> Any:
    """A copy of the guider whose network is told of the run's clips."""
    bound = copy.copy(guider)
    bound.model_options = create_model_options_clone(guider.model_options)
    bound.model_options.setdefault("transformer_options", {})[CLIPS_KEY] = clips
    return bound


def _sample(
    guider: Any,
    noise: Tensor,
    sampler: Any,
    sigmas: Tensor,
    samples: Tensor,
    mask: Tensor | None,
    seed: int,
    clips_of: Callable[[Tensor], Sequence[Tensor]],
) -> Tensor:
    latent_format = guider.model_patcher.model.latent_format
    callback = watch_steps(latent_format, len(sigmas) - 1, clips_of)
    result = guider.sample(
        noise,
        samples,
        sampler,
        sigmas,
        denoise_mask=mask,
        callback=callback,
        disable_pbar=not comfy.utils.PROGRESS_BAR_ENABLED,
        seed=seed,
    )
    return result.to(model_management.intermediate_device())
