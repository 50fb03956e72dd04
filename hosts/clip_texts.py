"""One prompt per clip, in either host, when several clips are sampled one by one."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from .keys import CLIP_TEXTS_KEY, SEVERAL_KEY, Latent


def text_of(
    context: Tensor, options: Mapping[str, Any], latent: Latent
) -> tuple[Tensor, dict[str, Any]]:
    """Return the prompt of one of several clips: a conditioning's context (1, S, D) and options.

    Args:
        context, options: a conditioning that may hold one prompt per clip.
        latent: the clip to generate; ``batch_index`` is its number among the clips.

    Returns:
        The inputs as they are if the conditioning holds no such prompts, or if the LATENT is not
        one of several clips.

    Raises:
        ValueError: the numbers of prompts and of clips differ.
    """
    texts = options.get(CLIP_TEXTS_KEY)
    clips = latent.get("batch_index") or ()
    if not texts or len(clips) != 1:
        return context, dict(options)
    several = latent.get(SEVERAL_KEY, max(len(texts), clips[0] + 1))
    if len(texts) not in (1, several):
        raise ValueError(
            f"prompts for {len(texts)} clips, but {several} clips to generate: write one line per "
            "clip in Prompts per Clip, or one prompt for all clips"
        )
    own = {key: value for key, value in options.items() if key != CLIP_TEXTS_KEY}
    return texts[clips[0] if len(texts) > 1 else 0], own
