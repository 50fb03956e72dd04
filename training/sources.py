"""Training data of the denoiser: clip shapes, number of clips and sampling share of each."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ..models.shapes import VideoShape
from .latents import Source
from .scenes import FRAME_RATES

MILLION, HALF = 1_000_000, 500_000
SQUARE = Source(name="square", shape=VideoShape(17, 64, 64), shards=1000, first=0, share=0.29)
SOURCES = (
    SQUARE,
    Source(name="wide", shape=VideoShape(17, 48, 80), shards=150, first=MILLION, share=0.07),
    Source(name="tall", shape=VideoShape(17, 80, 48), shards=150, first=2 * MILLION, share=0.07),
    Source(name="long", shape=VideoShape(33, 64, 64), shards=150, first=3 * MILLION, share=0.09),
    Source(
        name="loop", shape=VideoShape(32, 64, 64), shards=80, first=4 * MILLION, loop=True,
        share=0.06,
    ),
    Source(name="banner", shape=VideoShape(1, 48, 96), shards=80, first=5 * MILLION, share=0.015),
    Source(name="poster", shape=VideoShape(1, 96, 48), shards=80, first=6 * MILLION, share=0.015),
    Source(name="still", shape=VideoShape(1, 64, 64), shards=800, first=7 * MILLION, share=0.24),
    Source(
        name="large_still", shape=VideoShape(1, 128, 128), shards=80, first=8 * MILLION, share=0.02
    ),
    Source(name="large", shape=VideoShape(17, 128, 128), shards=60, first=9 * MILLION, share=0.06),
    Source(
        name="broad", shape=VideoShape(17, 96, 160), shards=30, first=9 * MILLION + HALF,
        share=0.03,
    ),
    Source(
        name="longest", shape=VideoShape(49, 64, 64), shards=60, first=8 * MILLION + HALF,
        share=0.04,
    ),
)  # fmt: skip
HELD_OUT = replace(SQUARE, name="held_out", shards=2)


def trained_range(sources: Sequence[Source] = SOURCES) -> dict[str, Any]:
    """Sizes and frame rates of the training clips, for the metadata of weights files.

    Returns:
        ``shapes`` as (frames, height, width) in pixels, ``loops`` likewise, and ``fps``.
    """
    shapes, loops = (
        [list(source.shape) for source in sources if source.loop is loop] for loop in (False, True)
    )
    return {"shapes": shapes, "loops": loops, "fps": list(FRAME_RATES)}
