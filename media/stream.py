"""Frames generated as they are read: a long clip needs memory for only a few of its frames."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain

import torch
from torch import Tensor

from .memory import check_room

_FLOAT = 4


class FrameStream:
    """Frames `(F, H, W, C)`, usually RGB in [0, 1], generated again for every reader until held.

    Args:
        shape: of all frames.
        make: starts over and yields the frames in order, in chunks `(f, H, W, C)` of any lengths.
    """

    def __init__(self, shape: Sequence[int], make: Callable[[], Iterator[Tensor]]) -> None:
        self.shape = torch.Size(shape)
        self._make = make
        self._held: Tensor | None = None

    def __len__(self) -> int:
        return self.shape[0]

    def chunks(self) -> Iterator[Tensor]:
        """Yield the frames in order, in chunks of any lengths."""
        return self._make() if self._held is None else iter([self._held])

    def whole(self) -> Tensor:
        """Generate all frames as one tensor, which is kept from then on.

        Raises:
            MediaError: they do not fit into memory.
        """
        if self._held is None:
            frames, height, width, _ = self.shape
            size = self.shape.numel() * _FLOAT
            check_room(size, f"a clip held whole ({frames} frames of {width}x{height})")
            self._held = _joined(self.shape, self._make())
        return self._held


def whole_frames(frames: Tensor | FrameStream) -> Tensor:
    """Return all frames as one tensor, see `FrameStream.whole`."""
    return frames.whole() if isinstance(frames, FrameStream) else frames


def led_in(frames: Tensor | FrameStream, lead: int) -> FrameStream:
    """Put the preceding `lead` frames of a loop before its frames, over as many turns as needed.

    A stream is generated twice: first for its end, of which at most `lead` frames are kept.
    """
    shape = (lead + len(frames), *frames.shape[1:])
    return FrameStream(shape, lambda: chain(_turns_before(frames, lead), _parts(frames)))


def _turns_before(frames: Tensor | FrameStream, lead: int) -> Iterator[Tensor]:
    turns, rest = divmod(lead, len(frames))
    end = torch.empty(0, *frames.shape[1:])
    for part in _parts(frames):
        end = torch.cat([end, part])[-min(lead, len(frames)) :]
    if rest:
        yield end[-rest:]
    for _ in range(turns):
        yield end


def _parts(frames: Tensor | FrameStream) -> Iterator[Tensor]:
    return iter([frames]) if isinstance(frames, Tensor) else frames.chunks()


def frame_chunks(
    frames: Tensor | FrameStream, size: int, *, first: int | None = None
) -> Iterator[Tensor]:
    """Yield frames in chunks of one size; the last chunk may be shorter.

    Args:
        frames: `(F, H, W, C)`; chunks of a tensor are views.
        size: frames per chunk.
        first: number of frames of the first chunk, if it differs.
    """
    return regrouped(_parts(frames), size, first=first)


def regrouped(parts: Iterable[Tensor], size: int, *, first: int | None = None) -> Iterator[Tensor]:
    """Regroup chunks of any lengths into chunks of one size, see `frame_chunks`."""
    wanted, waiting = first or size, None
    for part in parts:
        if waiting is not None and len(waiting):
            both = len(waiting) + len(part)
            part = _joined((both, *part.shape[1:]), (waiting, part))
        while len(part) >= wanted:
            yield part[:wanted]
            part, wanted = part[wanted:], size
        waiting = part
    if waiting is not None and len(waiting):
        yield waiting


def without_first(parts: Iterable[Tensor], count: int) -> Iterator[Tensor]:
    """Drop the first frames of a sequence of chunks of any lengths."""
    for part in parts:
        if count < len(part):
            yield part[count:]
        count = max(0, count - len(part))


def picked(parts: Iterable[Tensor], numbers: Sequence[int]) -> Iterator[Tensor]:
    """Yield selected frames of a sequence of chunks of any lengths.

    Args:
        parts: the chunks.
        numbers: frame numbers in ascending order; a frame may repeat.
    """
    begin, place = 0, 0
    for part in parts:
        end, until = begin + len(part), place
        while until < len(numbers) and numbers[until] < end:
            until += 1
        if until > place:
            yield part[[number - begin for number in numbers[place:until]]]
        if until == len(numbers):
            return
        begin, place = end, until


def _joined(shape: Sequence[int], parts: Iterable[Tensor]) -> Tensor:
    """Copy parts into one tensor with the same memory layout: rounding may depend on it."""
    whole, place = torch.empty(0), 0
    for part in parts:
        if place == 0:
            order = sorted(range(part.ndim), key=part.stride, reverse=True)
            whole = torch.empty_permuted(shape, order, dtype=part.dtype)
        whole[place : place + len(part)] = part
        place += len(part)
    return whole
