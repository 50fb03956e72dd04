"""Steps between the levels of the causal video VAE, with and without parameters."""

from __future__ import annotations

import torch
from einops import rearrange, reduce
from torch import Tensor, nn
from torch.nn import functional

from ..layers import LayerMaker
from .blocks import REACH
from .stream import Tape, is_first, over_frames, prepend_past

TIME_KERNEL = (1 + REACH, 1, 1)


class Downsample(nn.Module):
    """Halve both sides and, if `temporal`, the number of frames after the clip's first one."""

    def __init__(self, channels: int, *, temporal: bool, make: LayerMaker) -> None:
        super().__init__()
        self.resample = nn.ModuleDict({"1": make.conv2d(channels, channels, 3, stride=2)})
        self.time_conv = (
            make.conv3d(channels, channels, TIME_KERNEL, time_stride=2) if temporal else None
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
        """Keep frame 0; make one frame of the next two and the one before them, and so on."""
        past = None if tape is None else tape.read()
        if tape is not None:
            tape.write(x[:, :, -1:])
        seen = x if past is None else torch.cat([past, x], dim=2)
        kept = [x[:, :, :1]] if past is None else []
        if seen.shape[2] > REACH:
            kept.append(over_frames(time_conv, seen, window=1 + REACH, stride=2))
        return torch.cat(kept, dim=2)


class Upsample(nn.Module):
    """Double both sides and, if `temporal`, the number of frames after the clip's first one."""

    def __init__(
        self, channels_in: int, channels_out: int, *, temporal: bool, make: LayerMaker
    ) -> None:
        super().__init__()
        conv = make.conv2d(channels_in, channels_out, 3, padding=1)
        self.resample = nn.ModuleDict({"1": conv})
        self.time_conv = (
            make.conv3d(channels_in, 2 * channels_in, TIME_KERNEL) if temporal else None
        )

    def forward(self, x: Tensor, tape: Tape | None = None) -> Tensor:
        if self.time_conv is not None:
            x = self._double_frames(x, self.time_conv, tape)  # (B, C, F', H, W)
        return over_frames(self._double_sides, x)  # (B, C', F', 2H, 2W)

    def _double_sides(self, x: Tensor) -> Tensor:
        images = rearrange(x, "B C F H W -> (B F) C H W")
        images = functional.interpolate(images, scale_factor=2, mode="nearest-exact")
        return rearrange(self.resample["1"](images), "(B F) C H W -> B C F H W", B=x.shape[0])

    def _double_frames(self, x: Tensor, time_conv: nn.Module, tape: Tape | None) -> Tensor:
        """Keep frame 0, hidden from the others; make each of these two."""
        alone = 1 if is_first(tape) else 0
        seen = prepend_past(x[:, :, alone:], REACH, tape)
        if x.shape[2] == alone:
            return x
        pairs = over_frames(time_conv, seen, window=1 + REACH)
        doubled = rearrange(pairs, "B (p C) F H W -> B C (F p) H W", p=2)
        return torch.cat([x[:, :, :alone], doubled], dim=2)


def average_down(x: Tensor, channels: int, *, time: int, space: int) -> Tensor:
    """Fold blocks of time x space x space pixels into channels and average these to `channels`.

    x is (B, C, F, H, W); a clip's first frame ends a block whose other frames are zeros.
    """
    x = functional.pad(x, (0, 0, 0, 0, -x.shape[2] % time, 0))
    folded = rearrange(x, "B C (F p) (H q) (W r) -> B (C p q r) F H W", p=time, q=space, r=space)
    average = "B (C g) F H W -> B C F H W"
    return over_frames(lambda frames: reduce(frames, average, "mean", C=channels), folded)


def duplicate_up(x: Tensor, channels: int, *, time: int, space: int, first: bool) -> Tensor:
    """Repeat the channels of x (B, C, F, H, W) and unfold them into blocks of pixels.

    Where x begins a clip (`first`), only the last frame of its first block is kept.
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


def fold_pixels(video: Tensor, patch: int) -> Tensor:
    """Fold squares of patch x patch pixels of video (B, C, F, H, W) into channels.

    The column within the square varies slower than the row, as published with Wan 2.2.
    """
    return rearrange(video, "B C F (H q) (W r) -> B (C r q) F H W", q=patch, r=patch)


def unfold_pixels(x: Tensor, patch: int) -> Tensor:
    """Undo `fold_pixels`."""
    return rearrange(x, "B (C r q) F H W -> B C F (H q) (W r)", q=patch, r=patch)
