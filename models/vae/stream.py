"""Streaming of causal layers: the state of each layer travels beside the data, as a value."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from math import prod

import torch
from einops import rearrange
from torch import Tensor
from torch.nn.functional import pad

from .place import on_cpu

SMALL_SAMPLE = 20480
"""Values in one sample, not counting its columns, up to which torch treats it as small."""

SLAB = 2**25
"""Number of values mapped at once, outside the heap; unused parts take no memory."""

Remembered = dict[tuple[Hashable, ...], Tensor]
"""The last input frames of every causal layer, by section and position in it."""


class Cache:
    """State of a stream's causal layers between two chunks.

    The chunk that continues from a cache takes over its memory, so that old and new frames need
    not be held at the same time.
    """

    def __init__(self, frames: Remembered) -> None:
        self._frames: Remembered | None = frames

    def __iter__(self) -> Iterator[Tensor]:
        return iter(self._held().values())

    def copy(self) -> Cache:
        """Copy the cache, so that the stream can be continued from here once more."""
        return Cache({key: frames.clone() for key, frames in self._held().items()})

    def take(self) -> Remembered:
        """Return the frames and empty the cache.

        Raises:
            ValueError: a chunk has already taken them.
        """
        frames, self._frames = self._held(), None
        return frames

    def _held(self) -> Remembered:
        if self._frames is None:
            raise ValueError(
                "this cache is used up: a chunk has continued from it, or failed while doing so. "
                "Continue from the newest cache or from an earlier copy(), or begin with None"
            )
        return self._frames


class Tape:
    """Hands each causal layer its past frames and collects those that the next chunk will need.

    Layers call `read` and then `write` once each, always in the same order. A part of the network
    that runs several times for one chunk has a section, and each run has its own tape for it.

    Args:
        cache: the previous chunk's cache; None begins a clip.
        in_place: whether a layer's new frames overwrite its past as soon as it has run.
    """

    def __init__(self, cache: Cache | None, *, in_place: bool = False) -> None:
        self.first = cache is None
        self.in_place = in_place
        self.room = Room()
        self._frames: Remembered = {} if cache is None else cache.take()
        self._section: tuple[Hashable, ...] = ()
        self._layer = 0

    def section(self, name: Hashable) -> Tape:
        """A tape for the next run of a part of the network, with its own state."""
        part = Tape(None, in_place=self.in_place)
        part.room, part._frames = self.room, self._frames
        part._section = (*self._section, name)
        part.first = (*part._section, 0) not in self._frames
        return part

    def read(self) -> Tensor | None:
        """Return the layer's past frames, or None in the first chunk of a clip."""
        return self._frames.get((*self._section, self._layer))

    def write(self, seen: Tensor, frames: int) -> None:
        """Keep a copy of the last `frames` frames of seen (B, C, F, H, W).

        Missing frames are zeros. (A view would hold the whole chunk in memory.)
        """
        key = (*self._section, self._layer)
        self._layer += 1
        recent = seen[:, :, max(seen.shape[2] - frames, 0) :]
        missing = frames - recent.shape[2]
        past = self._frames.get(key)
        if not self.in_place:
            self._frames[key] = pad(recent, (0, 0, 0, 0, missing, 0)) if missing else recent.clone()
            return
        if past is None or (past.is_inference() and not torch.is_inference_mode_enabled()):
            past = self.room.to_keep(recent, frames)
        past[:, :, :missing] = 0
        past[:, :, missing:] = recent
        self._frames[key] = past

    def to_hand_on(self, like: Tensor, size: Sequence[int]) -> Tensor:
        """Memory for a stage's output, which its next output overwrites.

        Args:
            size: (B, C, F, H, W).
        """
        return self.room.to_hand_on(self._section[-1:], like, size)

    def cache(self) -> Cache:
        """Return the written frames, to start the next chunk's tape."""
        return Cache(self._frames)


class Room:
    """Memory for one chunk's layers, reused because it is slow to map and fragments the heap.

    On a CPU, fresh memory costs more than most of the work done in it. Memory that stays is kept
    apart from memory that is soon released. On other devices the allocator does this.
    """

    def __init__(self) -> None:
        self._lent: dict[Hashable, Tensor] = {}
        self._kept = torch.empty(0)

    def to_work_in(self, like: Tensor, frames: int) -> Tensor:
        """Buffer (B, C, frames, H, W), channels last: one shared memory, for one user at a time."""
        return self._lend("work", like, _size(like, frames))

    def to_hand_on(self, stage: Hashable, like: Tensor, size: Sequence[int]) -> Tensor:
        """Buffer of a size (B, C, F, H, W), channels last, valid until the stage's next request."""
        return self._lend(("result", stage), like, size)

    def kept(self, x: Tensor) -> Tensor:
        """Copy x (B, C, F, H, W) into memory that stays."""
        return self.to_keep(x, x.shape[2]).copy_(x)

    def to_keep(self, like: Tensor, frames: int) -> Tensor:
        """Buffer (B, C, frames, H, W), channels last, that stays for the next chunk."""
        size = _size(like, frames)
        count = prod(size)
        if like.device.type != "cpu" or count > SLAB:
            return _channels_last(like.new_empty(count), size)
        if self._kept.numel() < count or self._kept.dtype != like.dtype:
            self._kept = like.new_empty(SLAB)
        numbers, self._kept = self._kept[:count], self._kept[count:]
        return _channels_last(numbers, size)

    def _lend(self, name: Hashable, like: Tensor, size: Sequence[int]) -> Tensor:
        count = prod(size)
        if like.device.type != "cpu":
            return _channels_last(like.new_empty(count), size)
        held = self._lent.pop(name, None)
        if held is None or held.numel() < count or held.dtype != like.dtype:
            del held  # released first
            held = like.new_empty(max(count, SLAB))
        self._lent[name] = held
        return _channels_last(held[:count], size)


def _size(like: Tensor, frames: int) -> tuple[int, ...]:
    """Size (B, C, frames, H, W) like that of ``like``, with another frame count."""
    batch, channels, _, height, width = like.shape
    return batch, channels, frames, height, width


def _channels_last(numbers: Tensor, size: Sequence[int]) -> Tensor:
    """View values as frames of a size (B, C, F, H, W), channels last."""
    batch, channels, *frames = size
    return numbers.view(batch, *frames, channels).movedim(-1, 1)


def spares_memory(x: Tensor, tape: Tape) -> bool:
    """Whether x goes through the layers in pieces: on a CPU, in inference."""
    return tape.in_place and on_cpu(x)


def is_first(tape: Tape | None) -> bool:
    """Whether the data begins a clip; always true without a tape, in a whole pass."""
    return tape is None or tape.first


def prepend_past(x: Tensor, frames: int, tape: Tape | None) -> Tensor:
    """Put the previous `frames` frames in front of x (B, C, F, H, W).

    At the start of a clip they are zeros. The new last `frames` frames are written to the tape.
    """
    past = None if tape is None else tape.read()
    extended = pad(x, (0, 0, 0, 0, frames, 0)) if past is None else torch.cat([past, x], dim=2)
    if tape is not None:
        tape.write(extended, frames)
    return extended


def over_frames(
    function: Callable[[Tensor], Tensor], x: Tensor, *, window: int = 1, stride: int = 1
) -> Tensor:
    """Apply a function that needs `window` frames for each result frame to x (B, C, F, H, W).

    In float64, the reference precision, every result frame is computed by a separate call, so
    that a chunked result equals the whole one bit for bit: in larger calls, a matrix product may
    sum in another order, and an exponential at the end of the data may round differently. (The copy
    also makes the strides equal.)
    """
    if x.dtype == torch.float64:
        windows = (x[:, :, i : i + window] for i in range(0, x.shape[2] - window + 1, stride))
        alike = torch.contiguous_format
        return torch.cat([function(w.clone(memory_format=alike)) for w in windows], dim=2)
    if window > 1 and takes_slow_path(x):
        parts = rearrange(x.unfold(2, window, stride), "1 C F H W p -> F C p H W")
        return rearrange(function(parts), "F C 1 H W -> 1 C F H W")
    return function(x)


def takes_slow_path(x: Tensor) -> bool:
    """Whether torch would convolve x (B, C, F, H, W) with its plain loop on the CPU.

    It does so for a single small sample, five to ten times slower than for several.
    """
    plain = on_cpu(x) and x.dtype == torch.float32
    return plain and x.shape[0] == 1 and x[..., 0].numel() <= SMALL_SAMPLE
