"""Compare two results: byte for byte, else by pixels, sound samples or numbers."""

import filecmp
import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import torch
from torch import Tensor

from ..media import load_images, read_sound, read_video
from ..model_loaders.files import read_file
from .source import PICTURES, VIDEOS

LEVELS = 255
"""Levels per colour channel in most files; differences of pixels are reported in them."""


@dataclass(frozen=True)
class Distance:
    """Difference between two results.

    Args:
        same_bytes: whether the files are equal byte for byte.
        form: why they cannot be compared value by value, such as a different size; else empty.
        largest: largest difference of two values; pixels are in [0, 1].
        psnr: in decibels, with a peak of 1 for pixels and of the largest value for other numbers.
        sound: whether the sound differs.
    """

    same_bytes: bool = False
    form: str = ""
    largest: float = 0.0
    psnr: float = math.inf
    sound: bool = False

    @property
    def is_equal(self) -> bool:
        """Whether all values are equal, even if the bytes are not."""
        return not (self.form or self.largest or self.sound)

    @property
    def order(self) -> tuple[bool, bool, float]:
        """Sort key: smaller for closer results."""
        return not self.same_bytes, bool(self.form), -self.psnr


def distance(original: Path, made: Path) -> Distance:
    """Compare two files of the same kind, holding only a few frames in memory at a time.

    Non-finite values must be in the same places; otherwise they are ignored.

    Raises:
        MediaError, UnsupportedCheckpointError: one of them cannot be read.
    """
    if filecmp.cmp(original, made, shallow=False):
        return Distance(same_bytes=True)
    largest, squares, count, peak = 0.0, 0.0, 0, 0.0
    for one, other in zip_longest(_values(original), _values(made)):
        if one is None or other is None or one.shape != other.shape:
            return Distance(form=f"{_form(one)} in the original, {_form(other)} now")
        finite = one.isfinite()
        if not torch.equal(finite, other.isfinite()):
            return Distance(form="non-finite values in different places")
        if not finite.any():
            continue
        one, other = one[finite], other[finite]
        difference = one.double() - other.double()
        largest = max(largest, difference.abs().max().item())
        squares += difference.square().sum().item()
        count += difference.numel()
        peak = max(peak, one.abs().max().item(), other.abs().max().item())
    whole = 1.0 if original.suffix.lower() in PICTURES | VIDEOS else peak
    psnr = 10 * math.log10(whole**2 * count / squares) if squares else math.inf
    return Distance(largest=largest, psnr=psnr, sound=_sounds_differ(original, made))


def _values(path: Path) -> Iterator[Tensor]:
    kind = path.suffix.lower()
    if kind in VIDEOS:
        yield from read_video(path)
    elif kind in PICTURES:
        images = load_images(path)
        yield images.pixels
        if images.alpha is not None:
            yield images.alpha
    else:
        state = read_file(path).state
        yield from (state[name] for name in sorted(state))


def _form(values: Tensor | None) -> str:
    return "nothing" if values is None else "x".join(map(str, values.shape))


def _sounds_differ(original: Path, made: Path) -> bool:
    if original.suffix.lower() not in VIDEOS:
        return False
    one, other = read_sound(original), read_sound(made)
    if one is None or other is None:
        return (one is None) != (other is None)
    return one.rate != other.rate or not torch.equal(one.samples, other.samples)
