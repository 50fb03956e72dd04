"""Assemble the finished clip: decoded frames with the artist's own frames put back.

F frames, H rows, W columns.
"""

import math
from collections.abc import Iterator
from functools import partial
from itertools import chain, islice
from typing import NamedTuple, overload

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from ..media import FrameStream, frame_chunks
from .record import Timeline
from .spread import spread

FADE = 8
"""Frames over which the VAE's residual is faded out after and before given frames.

Of 96 true joins with the given side pasted, 93 pass the meters with this fade, and 19 without."""

_FADE_WHERE_CHANGED = 4
"""Frames of the fade where the image changes: further on, the residual of edges would be seen as a
ghost of what has moved away."""

_CHANGED = 0.05
"""Difference of colours, averaged over 3 x 3 pixels, by which an image counts as changed."""

_CHUNK = 16


@overload
def assembled(timeline: Timeline, decoded: Tensor, *, fade: int = FADE) -> Tensor: ...


@overload
def assembled(timeline: Timeline, decoded: FrameStream, *, fade: int = FADE) -> FrameStream: ...


@overload
def assembled(
    timeline: Timeline, decoded: Tensor | FrameStream, *, fade: int = FADE
) -> Tensor | FrameStream: ...


def assembled(
    timeline: Timeline, decoded: Tensor | FrameStream, *, fade: int = FADE
) -> Tensor | FrameStream:
    """Paste given pixels over decoded frames and blend the neighbouring generated frames.

    A VAE does not reproduce its input exactly. Where given pixels meet generated ones, this
    residual would show as a step, so it is added to the ``fade`` frames on the generated side with
    decreasing weight; where the image changes, to the nearest four alone. In a partly given image,
    the residual is spread into the rest.

    Args:
        timeline: timeline of the clip.
        decoded: (F, H, W, 3) in [0, 1], all frames of the sampled stretch, on any device.
        fade: number of frames to blend; 0 only pastes.

    Returns:
        The frames of the result on the CPU; a stream if ``decoded`` is one. Given pixels are
        returned bit for bit.

    Raises:
        ValueError: the number or size of the frames differs from what the timeline's latent
            decodes to.
    """
    expected = (len(timeline.stretch), *timeline.shape[1:], 3)
    if tuple(decoded.shape) != expected:
        raise ValueError(
            f"decoded frames of shape {tuple(decoded.shape)} for a timeline whose latent decodes "
            f"to {expected}: decode the latent that was sampled for it, with the VAE that "
            "encoded it"
        )
    make = partial(_chunks, timeline, decoded, fade)
    stream = FrameStream((*timeline.shape, 3), make)
    return stream if isinstance(decoded, FrameStream) else stream.whole()


def _chunks(timeline: Timeline, decoded: Tensor | FrameStream, fade: int) -> Iterator[Tensor]:
    frames: list[Tensor] = []
    for frame, picture in _frames(timeline, decoded, fade):
        if 0 <= frame < timeline.shape.frames:
            frames.append(picture)
        if len(frames) == _CHUNK:
            yield torch.stack(frames)
            frames = []
    if frames:
        yield torch.stack(frames)


class _Field(NamedTuple):
    """An at least partly given frame: the VAE's residual and the decoded image, (H, W, 3) each."""

    frame: int
    residual: Tensor
    picture: Tensor


class _Made(NamedTuple):
    """A generated frame that waits for the frames after it."""

    frame: int
    picture: Tensor


def _frames(
    timeline: Timeline, decoded: Tensor | FrameStream, fade: int
) -> Iterator[tuple[int, Tensor]]:
    """Yield the frames (H, W, 3) of the result and the stretch in order, with their numbers."""
    yield from _untouched(timeline, range(timeline.stretch.start))
    first: _Field | None = None
    last = _before_beginning(timeline, decoded, fade)
    waiting: list[_Made] = []
    for frame, picture in _needed(timeline, decoded):
        given = timeline.given(frame)
        if given is False:
            waiting.append(_Made(frame, picture))
            if len(waiting) > fade:
                yield _faded(waiting.pop(0), last, None, fade)
            continue
        field = _Field(frame, _residual(timeline, frame, picture, given), picture)
        for made in waiting:
            yield _faded(made, last, field, fade)
        yield frame, _pasted(timeline, field, picture, given)
        first, last, waiting = first or field, field, []
    wrapped = first if timeline.loop else None
    after = wrapped and wrapped._replace(frame=wrapped.frame + timeline.shape.frames)
    for made in waiting:
        yield _faded(made, last, after, fade)
    yield from _untouched(timeline, range(_needed_end(timeline), timeline.shape.frames))


def _before_beginning(
    timeline: Timeline, decoded: Tensor | FrameStream, fade: int
) -> _Field | None:
    """Residual of the last given frame near a loop's end if its start is generated.

    To get it, the loop is decoded a second time.
    """
    count = timeline.shape.frames
    near = range(count - 1, max(-1, count - 1 - fade), -1)
    ends = (frame for frame in near if timeline.given(frame) is not False)
    last = next(ends, None) if timeline.loop and timeline.given(0) is False else None
    if last is None:
        return None
    pictures = chain.from_iterable(frame_chunks(decoded, _CHUNK))
    picture = next(islice(pictures, last, None)).cpu()
    residual = _residual(timeline, last, picture, timeline.given(last))
    return _Field(last - count, residual, picture)


def _untouched(timeline: Timeline, frames: range) -> Iterator[tuple[int, Tensor]]:
    """Yield given frames that need no decoded frame."""
    for frame in frames:
        pixels = timeline.pixels(frame)
        assert pixels is not None
        yield frame, pixels


def _needed(timeline: Timeline, decoded: Tensor | FrameStream) -> Iterator[tuple[int, Tensor]]:
    """Yield decoded frames with their numbers, up to the first given one after all generated."""
    numbers = iter(range(timeline.stretch.start, _needed_end(timeline)))
    for chunk in frame_chunks(decoded, _CHUNK):
        for picture in chunk.cpu():
            frame = next(numbers, None)
            if frame is None:
                return
            yield frame, picture


def _needed_end(timeline: Timeline) -> int:
    made = [frame for frame in timeline.stretch if timeline.given(frame) is not True]
    return min(timeline.stretch.stop, max(made, default=timeline.stretch.start - 1) + 2)


def _residual(timeline: Timeline, frame: int, picture: Tensor, given: Tensor | bool) -> Tensor:
    pixels = timeline.pixels(frame)
    assert pixels is not None
    rest = pixels - picture
    return rest if isinstance(given, bool) else spread(rest, given)


def _pasted(timeline: Timeline, field: _Field, picture: Tensor, given: Tensor | bool) -> Tensor:
    pixels = timeline.pixels(field.frame)
    assert pixels is not None
    if isinstance(given, bool):
        return pixels
    return torch.where(given[..., None], pixels, (picture + field.residual).clamp(0, 1))


def _faded(
    made: _Made, before: _Field | None, after: _Field | None, fade: int
) -> tuple[int, Tensor]:
    """Add the residuals on both sides, weighted, to a generated frame."""
    near = [
        field
        for field in (before, after)
        if field is not None and abs(made.frame - field.frame) <= fade
    ]
    if not near:
        return made
    weights = torch.stack([_weight(made, field, fade) for field in near])  # (N, H, W)
    weights = weights / weights.sum(dim=0).clamp(min=1)
    shares = [weight[..., None] * f.residual for weight, f in zip(weights, near, strict=True)]
    return made.frame, (made.picture + sum(shares)).clamp(0, 1)


def _weight(made: _Made, field: _Field, fade: int) -> Tensor:
    """Weight (H, W) of a residual in a generated frame."""
    distance = abs(made.frame - field.frame)
    unchanged, changed = (_share(distance, n) for n in (fade, min(fade, _FADE_WHERE_CHANGED)))
    apart = (made.picture - field.picture).abs().amax(dim=2)[None]
    apart = F.avg_pool2d(F.pad(apart, (1, 1, 1, 1), mode="replicate"), 3, stride=1)[0]
    return changed + (unchanged - changed) * torch.exp(-((apart / _CHANGED) ** 2))


def _share(distance: int, fade: int) -> float:
    """Weight of a residual ``distance`` frames away: 1 at 0, 0 beyond the fade."""
    return (1 + math.cos(math.pi * min(1.0, distance / (fade + 1)))) / 2
