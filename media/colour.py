"""Convert between RGB and video planes with halved chroma (4:2:0).

Both directions are computed in NumPy: libswscale's fast path loses a level or two at each
conversion, and its accurate path shifts colours sideways, because it writes chroma between the
columns and reads it on them. Chroma samples lie on even columns and between two rows, the default
of H.264.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .pixels import BYTE_MAX

Planes = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Luma (H, W) and two chroma planes (ceil(H / 2), ceil(W / 2)), uint8 or, above 8 bits, uint16."""

WEIGHTS = {1: (0.2126, 0.0722), 7: (0.212, 0.087), 9: (0.2627, 0.0593), 10: (0.2627, 0.0593)}
"""Shares of red and blue in luma, by matrix number in H.273 (ITU-T)."""

BT601 = (0.299, 0.114)
"""Also used for files that name no matrix, as in every player based on ffmpeg."""

BT709 = 1

ROWS = 64
"""Rows of an image processed at a time, an even number."""

# The linear interpolation of `_doubled` undoes these filters exactly: frames that are read and
# written again keep their chroma, which averages of neighbours would blur a little more each time.
ACROSS = (-0.125, 0.25, 0.75, 0.25, -0.125)
DOWN = (-0.25, 0.75, 0.75, -0.25)


def to_yuv420(picture: np.ndarray, *, bits: int = 8) -> Planes:
    """Convert RGB float32 `(H, W, 3)` in [0, 1], sides even, to BT.709 planes in TV range."""
    red, green, blue = np.moveaxis(picture, -1, 0)
    of_red, of_blue = WEIGHTS[BT709]
    luma = of_red * red + (1 - of_red - of_blue) * green + of_blue * blue
    cb = _halved((blue - luma) / (2 - 2 * of_blue))
    cr = _halved((red - luma) / (2 - 2 * of_red))
    levels = _Levels.of(bits, full_range=False)
    return levels.of_luma(luma), levels.of_chroma(cb), levels.of_chroma(cr)


def from_yuv420(planes: Planes, *, matrix: int, full_range: bool, bits: int = 8) -> np.ndarray:
    """Convert planes to RGB float32 `(H, W, 3)` in [0, 1], quantised to levels of `bits`.

    Args:
        planes: see `Planes`.
        matrix: its number in H.273; unknown numbers count as BT.601.
        full_range: whether luma and chroma use all levels instead of TV range.
        bits: of the planes.
    """
    height, width = planes[0].shape
    levels, weights = _Levels.of(bits, full_range=full_range), WEIGHTS.get(matrix, BT601)
    cb, cr = (np.pad(plane, ((1, 1), (0, 1)), mode="edge") for plane in planes[1:])
    picture = np.empty((height, width, 3), np.float32)
    for top in range(0, height, ROWS):
        around = slice(top // 2, (top + ROWS) // 2 + 2)
        luma = planes[0][top : top + ROWS]
        _fill_rows(picture[top : top + ROWS], (luma, cb[around], cr[around]), levels, weights)
    return picture


def _fill_rows(
    picture: np.ndarray, planes: Planes, levels: "_Levels", weights: tuple[float, float]
) -> None:
    """Convert rows, whose chroma includes one row above and below, and one column to the right."""
    height, width, _ = picture.shape
    highest = np.float32(levels.highest)
    cb, cr = (
        (plane.astype(np.float32) - levels.middle) * (highest / levels.chroma)
        for plane in planes[1:]
    )
    of_red, of_blue = weights
    red, blue = 2 * (1 - of_red) * cr, 2 * (1 - of_blue) * cb
    green = (of_red * red + of_blue * blue) / (of_red + of_blue - 1)
    luma = (planes[0].astype(np.float32) - levels.black) * (highest / levels.luma)
    for place, shade in enumerate((red, green, blue)):
        np.add(luma, _doubled(shade)[:height, :width], out=picture[..., place])
    np.rint(picture, out=picture).clip(0, highest, out=picture)
    np.divide(picture, highest, out=picture)


@dataclass(frozen=True)
class _Levels:
    """Levels of black and of neutral chroma, and the spans of luma and chroma."""

    black: int
    luma: int
    middle: int
    chroma: int
    highest: int

    @classmethod
    def of(cls, bits: int, *, full_range: bool) -> "_Levels":
        highest, step = 2**bits - 1, 2 ** (bits - 8)
        if full_range:
            return cls(0, highest, 128 * step, highest, highest)
        return cls(16 * step, 219 * step, 128 * step, 224 * step, highest)

    def of_luma(self, values: np.ndarray) -> np.ndarray:
        return self._whole(values * self.luma + self.black)

    def of_chroma(self, values: np.ndarray) -> np.ndarray:
        return self._whole(values * self.chroma + self.middle)

    def _whole(self, values: np.ndarray) -> np.ndarray:
        kind = np.uint8 if self.highest <= BYTE_MAX else np.uint16
        return np.rint(values).clip(0, self.highest).astype(kind)


def _halved(chroma: np.ndarray) -> np.ndarray:
    rows = _filtered(chroma, DOWN, before=1)
    return _filtered(rows.T, ACROSS, before=2).T


def _filtered(values: np.ndarray, taps: Sequence[float], *, before: int) -> np.ndarray:
    """Filter the rows of `(R, …)` and keep every other one, with `before` taps above it."""
    after = len(taps) - 1 - before
    padded = np.pad(values, ((before, after), (0, 0)), mode="edge")
    parts = [tap * padded[place : place + len(values) : 2] for place, tap in enumerate(taps)]
    return np.sum(parts, axis=0)


def _doubled(chroma: np.ndarray) -> np.ndarray:
    """Interpolate chroma to the rows and columns of luma, see `_fill_rows`."""
    height, width = chroma.shape[0] - 2, chroma.shape[1] - 1
    middle, quarter = 0.75 * chroma[1:-1], 0.25 * chroma
    rows = np.empty((2 * height, width + 1), np.float32)
    np.add(middle, quarter[:-2], out=rows[0::2])
    np.add(middle, quarter[2:], out=rows[1::2])
    whole = np.empty((2 * height, 2 * width), np.float32)
    whole[:, 0::2] = rows[:, :-1]
    np.add(rows[:, :-1], rows[:, 1:], out=whole[:, 1::2])
    whole[:, 1::2] *= 0.5
    return whole
