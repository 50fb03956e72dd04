"""Frames that are made while they are read: a long clip needs the memory of a few of its frames."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain

import torch
from torch import Tensor

from .memory import check_room

_FLOAT = 4


class FrameStream:
    """Frames `(F, H, W, C)`, as a rule RGB in [0, 1], made anew for every reader until held.

    Args:
        shape: of all frames.
        make: begins anew and gives them in order, in chunks `(f, H, W, C)` of any lengths.
    """

    def __init__(self, shape: Sequence[int], make: Callable[[], Iterator[Tensor]]) -> None:
        self.shape = torch.Size(shape)
        self._make = make
        self._held: Tensor | None = None

    def __len__(self) -> int:
        return self.shape[0]

    def chunks(self) -> Iterator[Tensor]:
        """Give the frames in order, in chunks of any lengths."""
        return self._make() if self._held is None else iter([self._held])

    def whole(self) -> Tensor:
        """Make all frames, as one tensor that is held from then on.

        Raises:
            MediaError: the memory does not hold them.
        """
        if self._held is None:
            frames, height, width, _ = self.shape
            size = self.shape.numel() * _FLOAT
            check_room(size, f"a clip held whole ({frames} frames of {width}x{height})")
            self._held = _joined(self.shape, self._make())
        return self._held


def whole_frames(frames: Tensor | FrameStream) -> Tensor:
    """All frames as one tensor, see `FrameStream.whole`."""
    return frames.whole() if isinstance(frames, FrameStream) else frames


def led_in(frames: Tensor | FrameStream, lead: int) -> FrameStream:
    """Frames of a loop behind the `lead` frames that come before them, in as many turns of it.

    A stream is made twice: first for its end, of which no more than `lead` frames are kept.
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
    """Give frames in chunks of one size; the last one may be shorter.

    Args:
        frames: `(F, H, W, C)`; chunks of a tensor are views.
        size: frames per chunk.
        first: frames of the first chunk, if it has another size.
    """
    return regrouped(_parts(frames), size, first=first)


def regrouped(parts: Iterable[Tensor], size: int, *, first: int | None = None) -> Iterator[Tensor]:
    """Give frames that come in chunks of any lengths in chunks of one size, see `frame_chunks`."""
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
    """Leave out the first frames of those that come in chunks of any lengths."""
    for part in parts:
        if count < len(part):
            yield part[count:]
        count = max(0, count - len(part))


def picked(parts: Iterable[Tensor], numbers: Sequence[int]) -> Iterator[Tensor]:
    """Give some of the frames that come in chunks of any lengths.

    Args:
        numbers: of the frames, which never fall; a frame may be given several times.
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
    """Copy parts into one tensor that lies in memory as they do: rounding may depend on that."""
    whole, place = torch.empty(0), 0
    for part in parts:
        if place == 0:
            order = sorted(range(part.ndim), key=part.stride, reverse=True)
            whole = torch.empty_permuted(shape, order, dtype=part.dtype)
        whole[place : place + len(part)] = part
        place += len(part)
    return whole
