"""Draw images in a terminal: each character shows two pixels, one above the other."""

import torch
from rich.color import Color
from rich.segment import Segment, Segments
from rich.style import Style

from ..media.pixels import to_bytes
from ..media.resize import resize

UPPER_HALF = "▀"


def draw_picture(picture: torch.Tensor, columns: int) -> Segments:
    """Draw an image (H, W, 3) in [0, 1], ``columns`` characters wide."""
    height, width = picture.shape[:2]
    rows = max(2, 2 * round(columns * height / width / 2))
    pixels = to_bytes(resize(picture[None], rows, columns)[0])  # (rows, columns, 3)
    segments = []
    for upper, lower in zip(pixels[0::2], pixels[1::2], strict=True):
        for above, below in zip(upper.tolist(), lower.tolist(), strict=True):
            style = Style(color=Color.from_rgb(*above), bgcolor=Color.from_rgb(*below))
            segments.append(Segment(UPPER_HALF, style))
        segments.append(Segment.line())
    return Segments(segments)
