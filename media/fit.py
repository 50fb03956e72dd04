"""Fit a clip to the sizes and lengths that a model accepts: crop, pad, trim, re-time."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from .memory import check_room
from .rate import to_frame_rate
from .resize import resize
from .stream import regrouped

How = Literal["crop", "pad", "stretch"]
CHUNK = 16
"""Number of frames resized at a time."""

BYTES_PER_PIXEL = 16
"""Three float32 colours and a mask."""


class Size(NamedTuple):
    """Height and width of an image."""

    height: int
    width: int


@dataclass(frozen=True)
class Steps:
    """Accepted sizes: sides are multiples of `side`, lengths 1 plus a multiple of `frames`."""

    side: int
    frames: int

    def length(self, frames: int) -> int:
        """The longest accepted length that is not longer than `frames`."""
        return 1 + (max(frames, 1) - 1) // self.frames * self.frames

    def sides(self, given: Size, wanted: Size, how: How) -> Size:
        """The accepted size closest to the wanted one.

        If one side is 0 it follows from the other and the clip's aspect ratio. If both are 0, it is
        the clip's own size: rounded down for crop, up for pad, or to the nearest.
        """
        height, width = wanted
        if not height and not width:
            count = {"crop": math.floor, "pad": math.ceil, "stretch": round}[how]
            return Size(*(max(1, count(each / self.side)) * self.side for each in given))
        height = height or width * given.height / given.width
        width = width or height * given.width / given.height
        return Size(*(max(1, round(each / self.side)) * self.side for each in (height, width)))


def retimed(count: int, rate: Fraction | float, new_rate: Fraction | float) -> list[int]:
    """For each tick of a new rate, the frame (of `count`) on screen, over the same duration."""
    rate, new_rate = to_frame_rate(rate), to_frame_rate(new_rate)
    ticks = max(1, round(count * new_rate / rate))
    return [min(count - 1, math.floor(tick * rate / new_rate)) for tick in range(ticks)]


def fit_clip(
    video: Tensor,
    mask: Tensor | None,
    frames: Sequence[int],
    length: int,
    size: Size,
    how: How,
    *,
    scaled: bool = True,
) -> tuple[Tensor, Tensor]:
    """Select frames of a clip and fit them to a size.

    Args:
        video: (F, H, W, C) in [0, 1].
        mask: (F, H, W) or (1, H, W), of any size: it is stretched to the clip's; None is all 0.
        frames: numbers of the frames to take, in order.
        length: number of output frames: extra frames are dropped, or the last frame is held.
        size: of the result.
        how: "crop" cuts off what is too long on either side, "pad" adds black bars, "stretch"
            changes the aspect ratio.
        scaled: whether cropping and padding scale first, to lose as little as possible.

    Returns:
        The clip (length, *size, C) and its mask (length, *size), which is 1 in bars and in held
        frames, where the clip has no content. A clip that fits is returned unchanged.

    Raises:
        MediaError: the result does not fit into memory.
        ValueError: the mask has another number of frames.
    """
    if mask is not None and len(mask) not in (1, len(video)):
        raise ValueError(
            f"a mask of {len(mask)} frames for a clip of {len(video)}: use one for all frames, or "
            "one for each"
        )
    chosen = list(frames[:length])
    held = length - len(chosen)
    chosen += chosen[-1:] * held
    place = _place(Size(*video.shape[1:3]), size, how, scaled)
    marks = torch.zeros(1, 1, 1) if mask is None else mask
    marks = _placed_mask(marks, chosen if len(marks) > 1 else [0] * length, place)
    if held:
        marks[-held:] = 1
    return _placed(video, chosen, place), marks


def fit_frames(frames: Iterable[Tensor], size: Size, how: How, *, scaled: bool) -> Iterator[Tensor]:
    """Fit frames that arrive in chunks (F, H, W, C) to a size, like `fit_clip`."""
    for part in frames:
        place = _place(Size(*part.shape[1:3]), size, how, scaled)
        yield _placed(part, range(len(part)), place)


def fit_length(frames: Iterable[Tensor], steps: Steps, length: int | None) -> Iterator[Tensor]:
    """Trim frames that arrive in chunks to an accepted length.

    Args:
        frames: (F, H, W, C) each; their number need not be known.
        steps: accepted lengths.
        length: of the result, holding the last frame if needed; None for the frames' own length,
            which drops up to `steps.frames` - 1 of the last frames.
    """
    if length is not None:
        yield from _held(frames, length)
        return
    wanted = 1
    for part in regrouped(frames, steps.frames, first=1):
        if len(part) == wanted:
            yield part
        wanted = steps.frames


def _held(frames: Iterable[Tensor], length: int) -> Iterator[Tensor]:
    count, last = 0, None
    for part in frames:
        kept = part[: length - count]
        yield kept
        count, last = count + len(kept), kept[-1:]
        if count == length:
            return
    while last is not None and count < length:
        more = min(CHUNK, length - count)
        yield last.expand(more, *last.shape[1:])
        count += more


class _Place(NamedTuple):
    """The box taken from an image, its new size, and the size including bars."""

    given: Size
    box: Size
    inner: Size
    size: Size


def _place(given: Size, size: Size, how: How, scaled: bool) -> _Place:
    if how == "pad":
        return _Place(given, given, _inside(given, size) if scaled else given, size)
    if how == "crop":
        larger = given.height >= size.height and given.width >= size.width
        return _Place(given, size if larger and not scaled else _inside(size, given), size, size)
    return _Place(given, given, size, size)


def _inside(shape: Size, room: Size) -> Size:
    """The largest size with the aspect ratio of `shape` that fits into `room`."""
    scale = min(room.height / shape.height, room.width / shape.width)
    return Size(*(max(1, round(side * scale)) for side in shape))


def _placed(video: Tensor, chosen: Sequence[int], place: _Place, around: float = 0.0) -> Tensor:
    if place.given == place.size == place.box and list(chosen) == list(range(len(video))):
        return video
    _check_room(len(chosen), place.size)
    top, left = _corner(place.given, place.box)
    whole = video.new_full((len(chosen), *place.size, video.shape[-1]), around)
    row, column = _corner(place.size, place.inner)
    target = whole[:, row : row + place.inner.height, column : column + place.inner.width]
    for begin in range(0, len(chosen), CHUNK):
        frames = video[list(chosen[begin : begin + CHUNK])]
        box = frames[:, top : top + place.box.height, left : left + place.box.width]
        target[begin : begin + CHUNK] = resize(box, *place.inner)
    return whole


def _check_room(frames: int, size: Size) -> None:
    check_room(
        frames * size.height * size.width * BYTES_PER_PIXEL,
        f"a clip of {frames} frames of {size.width}x{size.height}",
    )


def _placed_mask(mask: Tensor, chosen: Sequence[int], place: _Place) -> Tensor:
    """Stretch a mask (F, h, w) to the clip, then place it like the clip."""
    stretched = resize(mask[..., None].float(), *place.given, mode="bilinear")
    return _placed(stretched, chosen, place, around=1.0)[..., 0].clone()


def _corner(outer: Size, inner: Size) -> tuple[int, int]:
    return (outer.height - inner.height) // 2, (outer.width - inner.width) // 2
