"""Streaming of causal layers: what a layer must remember travels beside the data, as a value."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from einops import rearrange
from torch import Tensor
from torch.nn.functional import pad

Cache = tuple[Tensor, ...]
"""The last input frames of every causal layer, in the order in which the layers run."""


SMALL_SAMPLE = 20480
"""Numbers of one sample, not counting its columns, up to which torch takes it for small."""


class Tape:
    """Hands each causal layer its past and collects what the next chunk will need.

    One tape serves one chunk: layers call `read` and `write` once each, always in the same order.
    """

    def __init__(self, cache: Cache | None) -> None:
        self.first = cache is None
        self._past: Iterator[Tensor] = iter(cache or ())
        self._next: list[Tensor] = []

    def read(self) -> Tensor | None:
        """Give the layer's past frames, or None in the first chunk of a clip."""
        return None if self.first else next(self._past)

    def write(self, frames: Tensor) -> None:
        """Keep a copy of frames (a view would hold the whole chunk in memory)."""
        self._next.append(frames.clone())

    def cache(self) -> Cache:
        """Give what was written, to start the next chunk's tape."""
        return tuple(self._next)


def is_first(tape: Tape | None) -> bool:
    """Tell whether the data begins a clip (always so without a tape: a whole pass)."""
    return tape is None or tape.first


def prepend_past(x: Tensor, frames: int, tape: Tape | None) -> Tensor:
    """Put the `frames` frames that came before x (B, C, F, H, W) in front of it.

    At the start of a clip they are zeros. The new last `frames` frames go onto the tape.
    """
    past = None if tape is None else tape.read()
    extended = pad(x, (0, 0, 0, 0, frames, 0)) if past is None else torch.cat([past, x], dim=2)
    if tape is not None:
        tape.write(extended[:, :, extended.shape[2] - frames :])
    return extended


def over_frames(
    function: Callable[[Tensor], Tensor], x: Tensor, *, window: int = 1, stride: int = 1
) -> Tensor:
    """Apply a function that needs `window` frames for each result frame to x (B, C, F, H, W).

    In float64, the reference precision, every result frame is computed by a call of its own, so
    that a chunked result equals the whole one bit for bit: in larger calls a matrix product may sum
    in another order, and an exponential at the end of the data may round in another way. (The copy
    makes the strides alike, too.)
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
    """Tell whether torch would convolve x (B, C, F, H, W) by its plain loop on the CPU.

    It does so with a single small sample, five to ten times slower than with several.
    """
    plain = x.device.type == "cpu" and x.dtype == torch.float32
    return plain and x.shape[0] == 1 and x[..., 0].numel() <= SMALL_SAMPLE
