"""Split an image into parts that move apart: masked parts, and the rest behind them.

F frames, H rows, W columns, N tracks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from ..media.fit import Size
from ..media.hints.sampling import at_places
from ..timeline.spread import spread
from .field import moved_picture
from .tracks import Tracks

RIM = 2
"""Rim of a moving part in pixels, its soft edge, which is also filled where the part has gone."""

_WORKING_SIDE = 128
"""Largest side of a mask when its connected parts are separated."""


@dataclass(frozen=True, eq=False)
class Layer:
    """A part of an image and the tracks that move it.

    Args:
        shape: (H, W) in [0, 1], the part's area in the first frame.
        tracks: that begin in it; None for a part that stands still.
    """

    shape: Tensor
    tracks: Tracks | None


class RoughClip(NamedTuple):
    """An image cut into parts and animated.

    Attributes:
        frames: (F, H, W, 3) in [0, 1]; the first is the image itself.
        moving: (F, H, W) bool, where moving parts are visible.
    """

    frames: Tensor
    moving: Tensor


def layers_of(mask: Tensor | None, tracks: Tracks, size: Size) -> list[Layer]:
    """Split an image into parts, from back to front.

    Each connected piece of the mask moves with the tracks that begin in it. The rest moves with
    the tracks that begin outside the mask, and stands still if there are none. Without a mask,
    the tracks move the whole image.

    Args:
        mask: (H, W), white where objects move on their own.
        tracks: over the image.
        size: of the image.

    Raises:
        ValueError: no track begins in the white of the mask.
    """
    if mask is None:
        return [Layer(torch.ones(size), tracks)]
    pieces = _pieces(mask > 0.5)
    x, y = tracks.starts.floor().long().unbind(1)
    inside = (x >= 0) & (x < size.width) & (y >= 0) & (y < size.height)
    piece = pieces[y.clamp(0, size.height - 1), x.clamp(0, size.width - 1)] * inside
    numbers = piece[piece > 0].unique().tolist()
    if not numbers:
        raise ValueError(
            f"none of {len(tracks)} tracks begins in the white of the mask: connect the mask that "
            "Draw Motion uses, or no mask, to move the whole image"
        )
    outside = tracks.only(piece == 0) if bool((piece == 0).any()) else None
    parts = [Layer(mask * (pieces == n), tracks.only(piece == n)) for n in numbers]
    return [Layer(torch.ones(size), outside), *parts]


def _pieces(ground: Tensor) -> Tensor:
    """Label connected pieces (H, W) with numbers from 1; 0 elsewhere."""
    shrink = max(1.0, max(ground.shape) / _WORKING_SIDE)
    size = [max(1, round(side / shrink)) for side in ground.shape]
    small = F.adaptive_max_pool2d(ground.float()[None], size)[0] > 0
    numbers = torch.arange(1.0, small.numel() + 1).reshape(small.shape) * small
    while True:
        grown = F.max_pool2d(numbers[None], 3, stride=1, padding=1)[0] * small
        if torch.equal(grown, numbers):
            break
        numbers = grown
    whole = F.interpolate(numbers[None, None], ground.shape, mode="nearest")[0, 0]
    return (whole * ground).long()


def animated(image: Tensor, layers: Sequence[Layer]) -> RoughClip:
    """Move the parts of an image (H, W, 3) and fill the gaps they leave from their surroundings.

    A moving background is extended beyond its edges by repeating them. In each frame, parts follow
    the tracks that are visible; without any, a part is not shown, and a background is out of view:
    its mean colour takes its place.
    """
    size = Size(*image.shape[:2])
    behind = _without(image, layers[1:])
    frames = max(layer.tracks.frames for layer in layers if layer.tracks is not None)
    shown = [(image, _start(layers))]
    for frame in range(1, frames):
        shown.append(_frame(image, behind, layers, frame, size))
    pictures, moving = zip(*shown, strict=True)
    return RoughClip(torch.stack(pictures), torch.stack(moving))


def _start(layers: Sequence[Layer]) -> Tensor:
    """Where moving parts are in the first frame."""
    shapes = [layer.shape > 0.5 for layer in layers if layer.tracks is not None]
    return torch.stack(shapes).any(0)


def _without(image: Tensor, parts: Sequence[Layer]) -> Tensor:
    """Remove parts from an image and fill them from their surroundings, or with its mean colour."""
    if not parts:
        return image
    gone = torch.stack([part.shape for part in parts]).amax(0)[None]
    grown = F.max_pool2d(gone, 2 * RIM + 1, stride=1, padding=RIM)[0]
    if bool((grown > 0).all()):
        return image.mean((0, 1)).expand_as(image)
    return spread(image, grown <= 0)


def _frame(
    image: Tensor, behind: Tensor, layers: Sequence[Layer], frame: int, size: Size
) -> tuple[Tensor, Tensor]:
    """Render a frame (H, W, 3), and a mask of its moving parts (H, W)."""
    back, *parts = layers
    picture, moving = behind, torch.zeros(size, dtype=torch.bool)
    if back.tracks is not None and not _is_seen(back.tracks, frame):
        picture = behind.mean((0, 1)).expand_as(behind)
    elif back.tracks is not None:
        source = _sources(back.tracks, frame, size)
        moving = sampled(torch.ones(*size, 1), source)[..., 0] > 0.5
        picture = sampled(behind, source, padding="border")
    for part in parts:
        if part.tracks is None or not _is_seen(part.tracks, frame):
            continue
        there, source = shape_in(part, frame, size), _sources(part.tracks, frame, size)
        picture = torch.lerp(picture, sampled(image, source, padding="border"), there)
        moving = moving | (there[..., 0] > 0.5)
    return picture, moving


def _is_seen(tracks: Tracks, frame: int) -> bool:
    return bool(tracks.visible[:, frame].any())


def shape_in(part: Layer, frame: int, size: Size) -> Tensor:
    """Area of a part in a frame, (H, W, 1) in [0, 1]."""
    if part.tracks is None:
        return part.shape[..., None]
    if not _is_seen(part.tracks, frame):
        return torch.zeros(*size, 1)
    return sampled(part.shape[..., None], _sources(part.tracks, frame, size))


def _sources(tracks: Tracks, frame: int, size: Size) -> Tensor:
    """Source position (H, W, 2) in the first frame of every pixel, by the visible tracks."""
    seen = tracks.only(tracks.visible[:, frame])
    return moved_picture(size, seen.places[:, frame], seen.starts)


def sampled(picture: Tensor, places: Tensor, padding: str = "zeros") -> Tensor:
    """Sample an image (H, W, C) at positions (H, W, 2) in pixels."""
    return at_places(picture.movedim(2, 0), places.movedim(2, 0) - 0.5, padding).movedim(0, 2)
