"""Sampling runs on latents and on packed tokens through the host's own guider and sampler."""
# pyright: reportMissingImports=false

import copy
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any

import comfy.utils
from comfy import model_management
from comfy.model_patcher import create_model_options_clone
from torch import Tensor

from ...models.patchify import Tokens
from ...models.shapes import Compression
from ...samplers.ceilings import ceiling_of, ceilings_of_tokens, under_ceiling, with_given
from ...samplers.checks import check_channels, check_one_stream, check_packed, has_streams
from ...samplers.clips import (
    COVERAGE_KEY,
    Clips,
    Coverage,
    clips_of_latent,
    clips_of_tokens,
    pictures_of_tokens,
)
from ...samplers.masks import latent_mask, per_latent_frame
from ...timeline import TIMELINE_KEY
from ..circles import closing
from ..keys import Latent
from .after import on_both
from .guiders import with_closing, with_spans, with_wrapper
from .levels import check_levels
from .model import HostModel
from .network import CLIPS_KEY
from .notes import warn
from .parts import with_part_of_conditions
from .preview import pictures_of_latent, watch_steps
from .spans import spans_of_conds, with_text_of
from .starts import with_start_clip
from .versions import RATIO_KEYS, fit_empty, time_factor

ONE_STREAM = (
    "its frames are unknown, so it cannot be a loop and its prompts cannot change over time: use "
    "an open clip and Encode Prompt"
)


def sample_latent(
    guider: Any, noise: Tensor, sampler: Any, sigmas: Tensor, latent: Latent, seed: int
) -> Tensor:
    """Run any guider and sampler of the host on a LATENT; see ``Sampling.sample``."""
    patcher, samples = guider.model_patcher, fit_latent(guider, latent)["samples"]
    check_levels(patcher.model, sigmas, samples)
    mask, ceiling = latent.get("noise_mask"), ceiling_of(latent, samples)
    if ceiling is not None:
        guider = with_wrapper(guider, under_ceiling(ceiling.to(patcher.load_device)))
    guider = with_start_clip(with_text_of(guider, latent), latent, samples)
    guider = with_part_of_conditions(guider, latent, samples)
    if isinstance(patcher.model, HostModel):
        compression = patcher.model.weights.latent.compression
        guider = _with_clips_of(guider, latent, samples, compression)
        frames, time = samples.shape[2], compression.time
        mask = None if mask is None else per_latent_frame(mask, frames, time)
        guider = _closed(guider, patcher.model.weights.config.conditions, sigmas)
    elif _in_time(latent) or spans_of_conds(guider.original_conds):
        check_one_stream(samples, ONE_STREAM)
        compression = Compression(time_factor(patcher.model.latent_format), 1)
        guider = _with_clips_of(guider, latent, samples, compression)
        guider = _closed(guider, (), sigmas)
    made = _sample(guider, noise, sampler, sigmas, samples, mask, seed, pictures_of_latent)
    held = _in_places(mask, samples) if TIMELINE_KEY in latent else None
    return with_given(made, samples, held, ceiling)


def _in_time(latent: Latent) -> bool:
    """Whether a LATENT is a loop or part of a longer clip, which the host's networks ignore."""
    covers: Coverage | None = latent.get(COVERAGE_KEY)
    return bool(latent.get("loop")) or not (covers is None or covers.whole)


def _in_places(mask: Tensor | None, samples: Tensor) -> Tensor | None:
    """Resample a mask over a latent's frames to its places, (B, 1, F, h, w)."""
    return None if mask is None else latent_mask(mask, samples, time_factor=1)[:, None]


def fit_latent(guider: Any, latent: Latent) -> dict[str, Any]:
    """Give an empty LATENT the model's shape; see ``Sampling.fit_latent``."""
    patcher, remedy = guider.model_patcher, "this model generates video only, so give it the video"
    if isinstance(patcher.model, HostModel):
        check_one_stream(latent["samples"], f"{remedy} (Separate AV Latent extracts it)")
    samples = fit_empty(patcher, latent)
    if not has_streams(samples):
        check_channels(samples, patcher.model.latent_format.latent_channels)
    kept = {key: value for key, value in latent.items() if key not in RATIO_KEYS}
    return {**kept, "samples": samples}


def sample_packed(
    guider: Any,
    noise: Tokens,
    sampler: Any,
    sigmas: Tensor,
    tokens: Tokens,
    extras: Sequence[Mapping[str, Any]],
    seed: int,
) -> Tokens:
    """Run any guider and sampler of the host on packed tokens; see ``Sampling.sample_tokens``."""
    model = guider.model_patcher.model
    if not isinstance(model, HostModel):
        raise ValueError(
            f"the model ({type(model).__name__}) does not support tokens: use the Sample node, or "
            "a model from Load Models"
        )
    check_packed(model.further_channels)
    if guider.model_options.get("context_handler") is not None:
        raise ValueError(
            "context windows cut a latent into frames, which packed patches do not have: use "
            "Sample instead of Sample Patches, or remove the context windows from the model"
        )
    check_levels(model, sigmas, tokens.values)
    clips = clips_of_tokens(tokens, extras, model.weights.latent.compression)
    ceilings = ceilings_of_tokens(tokens, extras, model.weights.latent.time_factor)
    if ceilings is not None:
        guider = with_wrapper(guider, under_ceiling(ceilings.to(guider.model_patcher.load_device)))
    bound = with_spans(with_clips(guider, clips), clips)
    bound = _closed(bound, model.weights.config.conditions, sigmas)
    pictures = partial(pictures_of_tokens, tokens)
    made = _sample(bound, noise.values, sampler, sigmas, tokens.values, None, seed, pictures)
    return tokens.with_values(with_given(made, tokens.values, ceilings))


@on_both
def with_clips(guider: Any, clips: Clips) -> Any:
    """Return a copy of the guider that passes the run's clips to its network."""
    bound = copy.copy(guider)
    bound.model_options = create_model_options_clone(guider.model_options)
    bound.model_options.setdefault("transformer_options", {})[CLIPS_KEY] = clips
    return bound


def _with_clips_of(guider: Any, latent: Latent, samples: Tensor, compression: Compression) -> Any:
    """Return a guider that knows a LATENT's clips and follows prompts over their time."""
    clips = clips_of_latent(latent, samples, compression)
    return with_spans(with_clips(guider, clips), clips)


def _closed(guider: Any, inputs: Collection[str], sigmas: Tensor) -> Any:
    """Return a guider that closes the loops among its clips, if its network does not."""
    clips = guider.model_options["transformer_options"][CLIPS_KEY]
    around = closing(clips, inputs, len(sigmas) - 1, warn)
    return with_closing(guider, around) if around else guider


def _sample(
    guider: Any,
    noise: Tensor,
    sampler: Any,
    sigmas: Tensor,
    samples: Tensor,
    mask: Tensor | None,
    seed: int,
    pictures: Callable[[Tensor], Sequence[Tensor]],
) -> Tensor:
    latent_format = guider.model_patcher.model.latent_format
    callback = watch_steps(latent_format, len(sigmas) - 1, pictures)
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
