"""Shift of a flow schedule, computed from the size and length of the clip.

More tokens carry more redundant signal, so the same noise level hides less of it; a larger shift
spends more steps near pure noise. ``tokens`` is the number of video tokens of one clip.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor


class Anchor(NamedTuple):
    """One of two points that define a line: ``value`` at ``tokens`` tokens."""

    tokens: int
    value: float


FLUX_ANCHORS = (Anchor(256, 0.5), Anchor(4096, 1.15))
LTX_ANCHORS = (Anchor(1024, 0.95), Anchor(4096, 2.05))
OPEN_SORA_ANCHORS = (Anchor(256, 1.0), Anchor(4096, 3.0))

LTX_TERMINAL = 0.1
"""Last level above 0 of LTX-Video 0.9.0 and 0.9.1, see ``stretch_to_terminal``."""


def area_shift(tokens: int, *, reference_tokens: int, reference_shift: float) -> float:
    """Scale a known shift by the square root of the token ratio: a = a_ref sqrt(m / n).

    Source: Esser et al., "Scaling Rectified Flow Transformers", 2024, eq. 23.

    Args:
        tokens: number of tokens of the clip to generate.
        reference_tokens, reference_shift: a token count and its known shift.

    Raises:
        ValueError: a number is not positive.
    """
    _check_positive(
        tokens=tokens, reference_tokens=reference_tokens, reference_shift=reference_shift
    )
    return reference_shift * math.sqrt(tokens / reference_tokens)


def exponential_shift(tokens: int, anchors: tuple[Anchor, Anchor] = FLUX_ANCHORS) -> float:
    """Return exp(mu) with mu linear in the token count, as Flux and LTX-Video do.

    Raises:
        ValueError: ``tokens`` is not positive.
    """
    _check_positive(tokens=tokens)
    return math.exp(_line(tokens, anchors))


def length_shift(
    frame_tokens: int, frames: int, anchors: tuple[Anchor, Anchor] = OPEN_SORA_ANCHORS
) -> float:
    """Return a shift linear in the tokens per frame, times the square root of the latent frames.

    Source: Open-Sora 2.0, ``get_schedule``, 2025.

    Raises:
        ValueError: a count is not positive.
    """
    _check_positive(frame_tokens=frame_tokens, frames=frames)
    return _line(frame_tokens, anchors) * math.sqrt(frames)


def stretch_to_terminal(sigmas: Tensor, terminal: float = LTX_TERMINAL) -> Tensor:
    """Stretch the signal shares 1 - s so that the last level above 0 is ``terminal``.

    Args:
        sigmas: (n + 1,) decreasing levels of a flow model that end in 0.
        terminal: the level before the final 0, in (0, 1).

    Returns:
        (n + 1,) in the dtype of ``sigmas``; a single step is returned unchanged.

    Raises:
        ValueError: ``terminal`` is out of range, or the levels are not a flow model's.
    """
    if not 0 < terminal < 1:
        raise ValueError(f"terminal {terminal} is not a noise level between 0 and 1")
    if len(sigmas) < 3:
        return sigmas
    first, last = float(sigmas[0]), float(sigmas[-1])
    if first > 1 or last != 0:
        raise ValueError(
            f"noise levels from {first:g} to {last:g}: only those of a flow model, from at most 1 "
            "to 0, can be stretched; stretch a schedule before you split it"
        )
    signal = 1 - sigmas[:-1]
    return torch.cat([1 - signal * ((1 - terminal) / signal[-1]), sigmas[-1:]])


def _line(tokens: int, anchors: tuple[Anchor, Anchor]) -> float:
    low, high = anchors
    slope = (high.value - low.value) / (high.tokens - low.tokens)
    return low.value + slope * (tokens - low.tokens)


def _check_positive(**numbers: float) -> None:
    for name, number in numbers.items():
        if not number > 0:
            raise ValueError(f"{name} is {number}: it must be above 0")
