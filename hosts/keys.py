"""What CONDITIONING and LATENT are made of, and the keys of the pack and of ComfyUI in them."""

from collections.abc import Mapping
from typing import Any

Conditioning = list[list[Any]]
"""A list of ``[context (B, S, D), options]`` pairs, the host's CONDITIONING."""

PROMPT_KEY = "spacetime_prompt"

CLIP_TEXTS_KEY = "spacetime_clip_texts"
"""In a conditioning's options: the contexts (B, S, D) of several clips, one per clip."""

SEVERAL_KEY = "spacetime_several"
"""In a LATENT: of how many clips that are sampled one by one it is one."""

SPANS_KEY = "spacetime_prompt_spans"
"""In a conditioning's options: ``PromptSpans``, prompts over time, the first of which it is."""

VISION_KEY = "clip_vision_output"
"""In a conditioning's options, as ComfyUI's nodes set it: what a vision encoder made of an image.

Its ``penultimate_hidden_states`` (B, I, D) are the image context.
"""

START_LATENT_KEY, START_MASK_KEY = "concat_latent_image", "concat_mask"
"""In a conditioning's options, as ComfyUI's nodes set them: a clip to start from.

Its raw latent (B, C, F, H, W), and (B, 1 or 4, F, H, W) with 0 where it is given.
"""

CONTROL_KEY, CONTROL_UNCOND_KEY = "control", "control_apply_to_uncond"
"""In a conditioning's options, as ComfyUI's nodes set them: the last of its controls, which knows
those before it, and whether the negative prompt gets it too.
"""

LEVELS_KEY = "token_levels"
"""True in the metadata of weights that were trained with a noise level per token."""

Latent = Mapping[str, Any]
"""The host's LATENT: ``samples`` (B, C, F, H, W) raw, with optional keys beside it.

``fps`` (frames per second), ``loop`` (whether time is a circle), ``noise_mask`` and
``noise_ceiling`` (how far each place may change, see ``samplers.ceilings``) travel under these
keys, and under ``samplers.clips.COVERAGE_KEY`` what of a longer video it is.
"""


CLIPS_SHOWN = 4
"""Of a packed run, in previews while it is sampled."""
