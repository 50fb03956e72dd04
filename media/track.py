"""Draw a timeline as an image: sample frames above a bar of how much of each frame is given."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from .plot import round_ticks
from .resize import resize

GIVEN, SOFTENED, MADE = (86, 168, 92), (222, 164, 52), (104, 104, 112)
"""Colours for given, partly changed, and generated content."""

NAMES = ("given", "partly changed", "generated")
_PAPER, _INK, _EMPTY = (24, 24, 24), (232, 232, 232), (52, 52, 58)
_LETTER, _GAP, _BAR, _MARGIN, _HATCH = 13, 3, 18, 10, 12
_MOST_CELLS, _WIDTH, _MOST_HEIGHT = 10, 600, 160
_INNER = _WIDTH - 2 * _MARGIN


class Shares(NamedTuple):
    """Shares of a frame that are given, partly changed, and generated; they sum to 1."""

    given: float
    softened: float
    made: float


def track(
    cells: Sequence[Tensor | None], shares: Sequence[Shares], *, fps: float, title: str
) -> Tensor:
    """Draw a timeline.

    Args:
        cells: an image (H, W, 3) in [0, 1] for each of some evenly spread frames; None is empty.
        shares: of every frame.
        fps: frames per second, for the marks in seconds.
        title: above the images.

    Returns:
        (height, width, 3) in [0, 1].
    """
    aspect = next((cell.shape[1] / cell.shape[0] for cell in cells if cell is not None), 1.0)
    step = (_INNER + _GAP) / len(cells)
    width = max(8, int(step) - _GAP)
    page = _Page(max(8, min(_MOST_HEIGHT, round(width / aspect))))
    page.write(title, _MARGIN, _MARGIN)
    for number, cell in enumerate(cells):
        page.cell(cell, round(_MARGIN + number * step), width)
    for number, share in enumerate(shares):
        left = _MARGIN + number * _INNER / len(shares)
        page.stack(share, left, max(left, left + _INNER / len(shares) - 1))
    page.marks(len(shares) / fps)
    page.legend()
    return page.finish()


def spread_cells(count: int) -> list[int]:
    """Numbers of the frames to show, out of `count`."""
    shown = min(count, _MOST_CELLS)
    return [round(place) for place in torch.linspace(0, count - 1, shown).tolist()]


class _Page:
    """An image with room for a title, a row of cells, a bar, marks and a legend."""

    def __init__(self, height: int) -> None:
        from PIL import Image, ImageDraw, ImageFont

        self.height = height
        self.top = 2 * _MARGIN + _LETTER
        self.bar = self.top + height + _GAP
        self.marked = self.bar + _BAR + _GAP
        self.low = self.marked + _LETTER + 2 * _MARGIN
        self.image = Image.new("RGB", (_WIDTH, self.low + _LETTER + _MARGIN), _PAPER)
        self.pen = ImageDraw.Draw(self.image)
        self.font = ImageFont.load_default(size=_LETTER)

    def write(self, text: str, left: float, top: float, anchor: str = "la") -> None:
        """Write a line."""
        self.pen.text((left, top), text, fill=_INK, font=self.font, anchor=anchor)

    def cell(self, cell: Tensor | None, left: int, width: int) -> None:
        """Draw a frame, or a placeholder for a missing one."""
        from PIL import Image

        if cell is not None:
            pixels = resize(cell[None].float().cpu(), self.height, width)[0]
            shown = (pixels * 255).round().clamp(0, 255).byte().numpy()
            self.image.paste(Image.fromarray(shown), (left, self.top))
            return
        bottom, right = self.top + self.height - 1, left + width - 1
        self.pen.rectangle((left, self.top, right, bottom), fill=_EMPTY)
        for start in range(_HATCH, width + self.height, _HATCH):
            near, far = max(0, start - self.height), min(start, width - 1)
            low, high = self.top + start - near - 1, self.top + max(0, start - far - 1)
            self.pen.line((left + near, low, left + far, high), fill=MADE)

    def stack(self, share: Shares, left: float, right: float) -> None:
        """Draw a frame's column of the bar, with the given share at the bottom."""
        top = float(self.bar)
        parts = ((share.made, MADE), (share.softened, SOFTENED), (share.given, GIVEN))
        for part, colour in parts:
            if part > 0:
                self.pen.rectangle((left, top, right, top + part * _BAR), fill=colour)
            top += part * _BAR

    def marks(self, seconds: float) -> None:
        """Mark round times."""
        for second in round_ticks(0, seconds, 10):
            place = _MARGIN + second / seconds * _INNER
            self.pen.line((place, self.bar + _BAR, place, self.marked + 1), fill=_INK)
            side = "l" if place < 2 * _MARGIN else "r" if place > _WIDTH - 2 * _LETTER else "m"
            self.write(f"{second:g} s", place, self.marked + 4, f"{side}a")

    def legend(self) -> None:
        """Draw the legend."""
        left = float(_MARGIN)
        for name, colour in zip(NAMES, (GIVEN, SOFTENED, MADE), strict=True):
            box = (left, self.low + 1, left + _LETTER - 2, self.low + _LETTER - 1)
            self.pen.rectangle(box, fill=colour)
            self.write(name, left + _LETTER + 4, self.low - 1)
            left += _LETTER + 4 + self.font.getlength(name) + 2 * _MARGIN

    def finish(self) -> Tensor:
        """Return the image."""
        return torch.from_numpy(np.array(self.image)).float() / 255
