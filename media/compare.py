"""Combine several videos into a grid with a label above each."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from .limits import check_pixels
from .memory import check_room
from .resize import resize

LETTER = 14
"""Height of letters in pixels."""

READABLE_WIDTH = 160
"""Width in pixels that a label needs."""

CHUNK = 8
"""Number of frames drawn at a time."""

Fits = Callable[[str], bool]
"""Tells whether a text fits on a line."""

_LINE, _MARGIN, _GAP = LETTER + 4, 4, 4
_PIXEL = 12
"""Bytes of three float32 colours."""

_PAPER, _INK, _BAR = (24, 24, 24), (240, 240, 240), 0.0


@dataclass(frozen=True, kw_only=True)
class GridStyle:
    """Layout of a grid of videos.

    Args:
        columns: videos side by side; 0 puts up to three in one row, and more in about a square.
        scale: integer enlargement of the videos; 0 is the smallest at which labels are readable.

    Raises:
        ValueError: one of them is negative.
    """

    columns: int = 0
    scale: int = 0

    def __post_init__(self) -> None:
        if self.columns < 0 or self.scale < 0:
            raise ValueError(f"{self.columns} columns, scale {self.scale}: use 0 or more")


def video_grid(
    videos: Sequence[torch.Tensor],
    labels: Sequence[str] = (),
    style: GridStyle = GridStyle(),
    tick: Callable[[int], None] = lambda done: None,
) -> torch.Tensor:
    """Arrange videos in a grid, row by row.

    Every video keeps its aspect ratio in a cell of the largest width and height among the videos,
    between bars; a video that ends before the others holds its last frame. Cells are enlarged pixel
    by pixel.

    Args:
        videos: `(F, H, W, 3 or more)` in [0, 1] each, of any sizes and lengths.
        labels: one for each video, or fewer; long labels wrap.
        style: columns and scale.
        tick: receives the number of frames drawn so far over all videos; may raise to stop.

    Returns:
        `(F, H, W, 3)` with the frames of the longest video and even sides.

    Raises:
        ValueError: there is no video, or one without frames.
    """
    if not videos or any(video.ndim != 4 or 0 in video.shape for video in videos):
        shapes = [tuple(video.shape) for video in videos]
        raise ValueError(f"videos of shapes {shapes}: use at least one of (F, H, W, 3)")
    height, width = (max(video.shape[axis] for video in videos) for axis in (1, 2))
    scale = style.scale or max(1, math.ceil(READABLE_WIDTH / width))
    strips = _strips([*labels[: len(videos)]], width * scale)
    above = strips[0].shape[0] if strips else 0
    columns = min(style.columns or _columns(len(videos)), len(videos))
    rows = -(-len(videos) // columns)
    down, across = above + height * scale + _GAP, width * scale + _GAP
    frames = max(len(video) for video in videos)
    size = (_even(rows * down - _GAP), _even(columns * across - _GAP))
    check_pixels(frames, *size)
    check_room(
        frames * math.prod(size) * _PIXEL, f"a grid of {frames} frames of {size[1]}x{size[0]}"
    )
    canvas = torch.full((frames, *size, 3), _PAPER[0] / 255)
    for index, video in enumerate(videos):
        top, left = index // columns * down, index % columns * across
        if index < len(strips):
            canvas[:, top : top + above, left : left + width * scale] = strips[index]
        cell = canvas[:, top + above :, left:][:, : height * scale, : width * scale]
        before = sum(map(len, videos[:index]))
        _fill(cell, video[..., :3], scale, lambda done, before=before: tick(before + done))
    return canvas


def _columns(count: int) -> int:
    return count if count <= 3 else math.ceil(math.sqrt(count))


def _even(side: int) -> int:
    """Round a side up to even, as H.264 needs it."""
    return side + side % 2


def _fill(cell: torch.Tensor, video: torch.Tensor, scale: int, tick: Callable[[int], None]) -> None:
    """Draw a video in the centre of a cell (F, H, W, 3), and hold its last frame."""
    _, height, width, _ = cell.shape
    height, width = height // scale, width // scale
    fit = min(height / video.shape[1], width / video.shape[2])
    rows, columns = (max(1, round(side * fit)) for side in video.shape[1:3])
    cell[:] = _BAR
    top, left = (height - rows) // 2 * scale, (width - columns) // 2 * scale
    place = cell[:, top : top + rows * scale, left : left + columns * scale]
    for start in range(0, len(video), CHUNK):
        fitted = resize(video[start : start + CHUNK].float().cpu(), rows, columns)
        large = fitted.repeat_interleave(scale, 1).repeat_interleave(scale, 2)
        place[start : start + len(large)] = large
        tick(start + len(large))
    place[len(video) :] = place[len(video) - 1]


def _strips(labels: Sequence[str], width: int) -> list[torch.Tensor]:
    """Render labels as images (H, width, 3) of the same height; none if all labels are blank."""
    from PIL import Image, ImageDraw, ImageFont

    if not any(label.strip() for label in labels):
        return []
    font = ImageFont.load_default(size=LETTER)
    room = width - 2 * _MARGIN
    texts = [_lines(label, lambda text: font.getlength(text) <= room) for label in labels]
    height = max(map(len, texts)) * _LINE + 2 * _MARGIN
    strips = []
    for lines in texts:
        picture = Image.new("RGB", (width, height), _PAPER)
        pen = ImageDraw.Draw(picture)
        top = height - _MARGIN - len(lines) * _LINE
        for number, line in enumerate(lines):
            pen.text((_MARGIN, top + number * _LINE), line, fill=_INK, font=font)
        strips.append(torch.from_numpy(np.array(picture)).float() / 255)
    return strips


def _lines(text: str, fits: Fits) -> list[str]:
    """Wrap a text at spaces, and words that are too long anywhere."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if fits(longer):
            lines[-1] = longer
            continue
        lines += _pieces(word, fits)
    return [line for line in lines if line] or [""]


def _pieces(word: str, fits: Fits) -> list[str]:
    pieces = [""]
    for letter in word:
        if fits(pieces[-1] + letter) or not pieces[-1]:
            pieces[-1] += letter
        else:
            pieces.append(letter)
    return pieces
