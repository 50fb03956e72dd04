"""Steps between the levels of the causal video VAE, with and without parameters."""

from __future__ import annotations

from itertools import product
from typing import cast

import torch
from einops import rearrange, reduce
from torch import Tensor, nn
from torch.nn import functional

from ..layers import LayerMaker
from .blocks import REACH, causal_conv
from .convolutions import conv3d, doubling_conv2d
from .stream import Tape, is_first, over_frames, spares_memory

TIME_KERNEL = (1 + REACH, 1, 1)

BAND = 2**21
"""Number of values that a CPU computes at a time when it doubles the sides of frames."""

BAND_ROWS = 32
"""Fewest rows in a band: two extra rows are computed and discarded for each band."""


class Downsample(nn.Module):
    """Halves both sides and, if `temporal`, the number of frames after the clip's first one."""

    def __init__(self, channels: int, *, temporal: bool, make: LayerMaker) -> None:
        super().__init__()
        self.resample = nn.ModuleDict({"1": make.conv2d(channels, channels, 3, stride=2)})
        self.time_conv = (
            conv3d(make, channels, channels, TIME_KERNEL, time_stride=2) if temporal else None
        )

    def forward(self, x: Tensor, tape: Tape | None = None) -> Tensor:
        x = over_frames(self._halve_sides, x)  # (B, C, F, H/2, W/2)
        if self.time_conv is None:
            return x
        return self._halve_frames(x, self.time_conv, tape)  # (B, C, F', H/2, W/2)

    def _halve_sides(self, x: Tensor) -> Tensor:
        images = rearrange(x, "B C F H W -> (B F) C H W")
        images = self.resample["1"](functional.pad(images, (0, 1, 0, 1)))
        return rearrange(images, "(B F) C H W -> B C F H W", B=x.shape[0])

    def _halve_frames(self, x: Tensor, time_conv: nn.Module, tape: Tape | None) -> Tensor:
        """Keep frame 0; then combine every two frames, with the one before them, into one."""
        past = None if tape is None else tape.read()
        seen = x if past is None else torch.cat([past, x], dim=2)
        if tape is not None:
            tape.write(x, 1)
        kept = [x[:, :, :1]] if past is None else []
        if seen.shape[2] > REACH:
            kept.append(over_frames(time_conv, seen, window=1 + REACH, stride=2))
        return torch.cat(kept, dim=2)


class Upsample(nn.Module):
    """Doubles both sides and, if `temporal`, the number of frames after the clip's first one."""

    def __init__(
        self, channels_in: int, channels_out: int, *, temporal: bool, make: LayerMaker
    ) -> None:
        super().__init__()
        self.resample = nn.ModuleDict({"1": doubling_conv2d(make, channels_in, channels_out)})
        self.time_conv = (
            conv3d(make, channels_in, 2 * channels_in, TIME_KERNEL) if temporal else None
        )

    def forward(self, x: Tensor, tape: Tape | None = None) -> Tensor:
        if self.time_conv is not None:
            x = self._double_frames(x, self.time_conv, tape)  # (B, C, F', H, W)
        if tape is not None and spares_memory(x, tape):
            return self._double_in_bands(x, tape)  # (B, C', F', 2H, 2W)
        return over_frames(self._double_sides, x)  # (B, C', F', 2H, 2W)

    def _double_in_bands(self, x: Tensor, tape: Tape) -> Tensor:
        """Double the sides one band of rows at a time; torch takes three times the result's memory.

        Bands include one row of each neighbour, so the result equals that of the whole.
        """
        channels, rows = cast(nn.Conv2d, self.resample["1"]).out_channels, x.shape[3]
        row = 4 * channels * x[:, 0, :, 0].numel()  # output values per row
        count = -(-rows // max(BAND_ROWS, BAND // row))
        doubled = tape.to_hand_on(x, (len(x), channels, x.shape[2], 2 * rows, 2 * x.shape[4]))
        for number in range(count):
            begin, end = (rows * edge // count for edge in (number, number + 1))
            above = max(begin - 1, 0)
            made = self._double_sides(x[:, :, :, above : end + 1])
            start = 2 * (begin - above)
            doubled[:, :, :, 2 * begin : 2 * end] = made[:, :, :, start : start + 2 * (end - begin)]
            del made  # or it would stay in memory while the next one is computed
        return doubled

    def _double_sides(self, x: Tensor) -> Tensor:
        images = rearrange(x, "B C F H W -> (B F) C H W")
        return rearrange(self.resample["1"](images), "(B F) C H W -> B C F H W", B=x.shape[0])

    def _double_frames(self, x: Tensor, time_conv: nn.Module, tape: Tape | None) -> Tensor:
        """Keep frame 0, hidden from the others; double each of the others."""
        alone = 1 if is_first(tape) else 0
        later = x[:, :, alone:]  # (B, C, F', H, W)
        if not later.shape[2]:
            if tape is not None:
                tape.write(later, REACH)
            return x
        pairs = causal_conv(time_conv, later, tape)  # (B, 2C, F', H, W)
        doubled = x.new_empty(x.shape[0], alone + 2 * later.shape[2], *x.shape[3:], x.shape[1])
        doubled = doubled.movedim(-1, 1)
        for number, half in enumerate(pairs.chunk(2, dim=1)):
            doubled[:, :, alone + number :: 2] = half
        doubled[:, :, :alone] = x[:, :, :alone]
        return doubled


def average_down(x: Tensor, channels: int, *, time: int, space: int) -> Tensor:
    """Fold blocks of time x space x space pixels into channels and average these to `channels`.

    x is (B, C, F, H, W); a clip's first frame is the last of a block whose other frames are zeros.
    """
    x = functional.pad(x, (0, 0, 0, 0, -x.shape[2] % time, 0))
    folded = rearrange(x, "B C (F p) (H q) (W r) -> B (C p q r) F H W", p=time, q=space, r=space)
    average = "B (C g) F H W -> B C F H W"
    return over_frames(lambda frames: reduce(frames, average, "mean", C=channels), folded)


def duplicate_up(x: Tensor, channels: int, *, time: int, space: int, first: bool) -> Tensor:
    """Repeat the channels of x (B, C, F, H, W) and unfold them into blocks of pixels.

    If x begins a clip (`first`), only the last frame of its first block is kept.
    """
    repeats = channels * time * space * space // x.shape[1]
    unfolded = rearrange(
        x.repeat_interleave(repeats, dim=1),
        "B (C p q r) F H W -> B C (F p) (H q) (W r)",
        p=time,
        q=space,
        r=space,
    )
    return unfolded[:, :, time - 1 :] if first else unfolded


def add_duplicate(h: Tensor, x: Tensor, *, time: int, space: int, first: bool) -> Tensor:
    """Add `duplicate_up` of x (B, C, F, H, W) to h (B, C', F', H', W') in place."""
    channels, block = h.shape[1], time * space**2
    repeats = channels * block // x.shape[1]
    source = x.repeat_interleave(repeats // block, dim=1) if repeats > block else x
    lacking = time - 1 if first else 0  # frames missing from the first block
    for offset, (p, q, r) in enumerate(product(range(time), range(space), range(space))):
        begin = 1 if p < lacking else 0
        part = source[:, offset // repeats :: max(1, block // repeats), begin:]
        h[:, :, (p - lacking) % time :: time, q::space, r::space] += part
    return h


def fold_pixels(video: Tensor, patch: int) -> Tensor:
    """Fold squares of patch x patch pixels of video (B, C, F, H, W) into channels.

    The column within the square varies more slowly than the row, as published with Wan 2.2.
    """
    return rearrange(video, "B C F (H q) (W r) -> B (C r q) F H W", q=patch, r=patch)


def unfold_pixels(x: Tensor, patch: int) -> Tensor:
    """Undo `fold_pixels`."""
    return rearrange(x, "B (C r q) F H W -> B C F (H q) (W r)", q=patch, r=patch)
