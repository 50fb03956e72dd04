"""Exact hint images to train control branches on, like those that nodes make for a clip.

B batch, F frames, H rows, W columns, O objects.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from random import Random
from typing import Literal

import torch
from einops import repeat
from torch import Tensor

from ..media.hints import CannyOptions, canny_edges, hint_frames
from ..toyworld import nearness, outlines
from .latents import LatentShard, RenderedPart
from .track_hints import track_pictures

HintKind = Literal["edges", "depth", "tracks"]

CANNY = CannyOptions()

OUTLINES, USUAL_EDGES = 0.2, 0.5
"""Shares of clips whose edges are only the objects' outlines, and whose edges come from Canny Edges
with its defaults; for the others, its thresholds and blur vary."""

_HIGH, _BLUR = (0.1, 0.15, 0.2, 0.3), (0.7, 1.0, 1.5)
"""High thresholds (low thresholds are half as high), and blurs in pixels."""


CAMERA = "the camera"
"""Words in the captions of clips with a moving camera."""

CAMERA_WEIGHT = 5.0
"""Relative weight of clips with a moving camera when training on tracks: they are a tenth of all
clips, and nothing else shows how a camera affects tracks."""


def edge_pictures(part: RenderedPart, fps: float) -> Tensor:
    """Draw the edges of clips, or of their objects (B, F, H, W, 3)."""
    video, masks = part.clip.video.cpu(), part.clip.masks.cpu()
    each = zip(part.scenes, video, masks, strict=True)
    return torch.stack([_edges(Random(scene.seed), *seen) for scene, *seen in each])


def _edges(draws: Random, frames: Tensor, masks: Tensor) -> Tensor:
    chance = draws.random()
    if chance < OUTLINES:
        return grey(outlines(masks).float())
    options = CANNY
    if chance > OUTLINES + USUAL_EDGES:
        high = draws.choice(_HIGH)
        options = CannyOptions(low=high / 2, high=high, sigma=draws.choice(_BLUR))
    return canny_pictures(frames, options)


def canny_pictures(frames: Tensor, options: CannyOptions = CANNY) -> Tensor:
    """Apply Canny Edges to a clip (F, H, W, 3), with its default or other options."""
    made = hint_frames(frames, partial(canny_edges, options=options), lambda done: None)
    assert isinstance(made, Tensor)
    return made


def depth_pictures(part: RenderedPart, fps: float) -> Tensor:
    """Draw the nearness of every pixel (B, F, H, W, 3)."""
    return grey(nearness(part.clip.depth))


def grey(values: Tensor) -> Tensor:
    """Convert values (..., H, W) in [0, 1] to grey images (..., H, W, 3)."""
    return repeat(values, "... H W -> ... H W C", C=3)


HINTS: Mapping[HintKind, Callable[[RenderedPart, float], Tensor]] = {
    "edges": edge_pictures,
    "depth": depth_pictures,
    "tracks": track_pictures,
}
"""(rendered clips, frame rate) -> hint images (B, F, H, W, 3) in [0, 1]."""


def hint_weight(kind: HintKind, text: str) -> float:
    """Sampling weight of a clip in training for a kind of hint, by its short caption."""
    return CAMERA_WEIGHT if kind == "tracks" and CAMERA in text else 1.0


def without_what_is_shown(kind: HintKind, shard: LatentShard) -> LatentShard:
    """Leave what a kind of hint shows out of its clips' captions: for tracks, the camera's motion.

    Only the detailed captions keep it. With captions that always tell how the camera moves, a
    branch never learns to move it, and captions that do not tell it keep it still.
    """
    if kind != "tracks":
        return shard
    return replace(
        shard,
        short=tuple(map(_without_camera, shard.short)),
        partial=tuple(map(_without_camera, shard.partial)),
    )


def _without_camera(text: str) -> str:
    return text.split(f", {CAMERA}")[0]


def check_hint(name: str) -> HintKind:
    """Return the hint kind of this name.

    Raises:
        ValueError: the name is unknown.
    """
    for kind in HINTS:
        if kind == name:
            return kind
    raise ValueError(f"unknown hint {name!r}: use {', '.join(HINTS)}")
