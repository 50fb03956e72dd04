"""The structure of CONDITIONING and LATENT, and the pack's and ComfyUI's keys in them."""

from collections.abc import Mapping
from typing import Any

Conditioning = list[list[Any]]
"""A list of ``[context (B, S, D), options]`` pairs, the host's CONDITIONING."""

PROMPT_KEY = "spacetime_prompt"

CLIP_TEXTS_KEY = "spacetime_clip_texts"
"""In a conditioning's options: the contexts (B, S, D) of several clips, one per clip."""

SEVERAL_KEY = "spacetime_several"
"""In a LATENT that is one of several clips sampled one by one: the number of clips."""

SPANS_KEY = "spacetime_prompt_spans"
"""In a conditioning's options: ``PromptSpans``, its prompts over time; it is itself the first."""

VISION_KEY = "clip_vision_output"
"""In a conditioning's options, as ComfyUI's nodes set it: a vision encoder's output for an image.

Its ``penultimate_hidden_states`` (B, I, D) are the image context.
"""

START_LATENT_KEY, START_MASK_KEY = "concat_latent_image", "concat_mask"
"""In a conditioning's options, as ComfyUI's nodes set them: a clip to start from.

The clip's raw latent (B, C, F, H, W), and a mask (B, 1 or 4, F, H, W), 0 where the clip is given.
"""

CONTROL_KEY, CONTROL_UNCOND_KEY = "control", "control_apply_to_uncond"
"""In a conditioning's options, as ComfyUI's nodes set them: the last of its controls, which links
to those before it, and whether it also applies to the negative prompt.
"""

LEVELS_KEY = "token_levels"
"""True in the metadata of weights trained with one noise level per token."""

Latent = Mapping[str, Any]
"""The host's LATENT: raw ``samples`` (B, C, F, H, W), and optional keys.

The optional keys are ``fps`` (frames per second), ``loop`` (whether time is a circle),
``noise_mask`` and ``noise_ceiling`` (how far each place may change, see ``samplers.ceilings``),
and ``samplers.clips.COVERAGE_KEY`` (which part of a longer video it is).
"""


CLIPS_SHOWN = 4
"""Clips of a packed run that a preview shows during sampling."""
