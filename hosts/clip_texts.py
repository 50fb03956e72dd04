"""Prompts of several clips, where each clip is sampled by itself, in either host."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from .keys import CLIP_TEXTS_KEY, SEVERAL_KEY, Latent


def text_of(
    context: Tensor, options: Mapping[str, Any], latent: Latent
) -> tuple[Tensor, dict[str, Any]]:
    """The prompt of one of several clips: a conditioning's context (1, S, D) and options.

    Args:
        context, options: of a conditioning that may hold a prompt for each clip.
        latent: the clip to make; its ``batch_index`` is its number among them.

    Returns:
        What was given where it holds no such prompts, or the LATENT is not one of several clips.

    Raises:
        ValueError: there are other numbers of prompts and of clips.
    """
    texts = options.get(CLIP_TEXTS_KEY)
    clips = latent.get("batch_index") or ()
    if not texts or len(clips) != 1:
        return context, dict(options)
    several = latent.get(SEVERAL_KEY, max(len(texts), clips[0] + 1))
    if len(texts) not in (1, several):
        raise ValueError(
            f"prompts for {len(texts)} clips, and {several} clips to make: write as many lines in "
            "Prompts per Clip as there are clips, or one prompt for all of them"
        )
    own = {key: value for key, value in options.items() if key != CLIP_TEXTS_KEY}
    return texts[clips[0] if len(texts) > 1 else 0], own
