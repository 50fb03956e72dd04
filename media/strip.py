"""Combine images: film strips, contact sheets of clips, grids for comparisons."""

from collections.abc import Sequence

import torch
from torch.nn import functional

from .resize import resize

GAP_COLOUR = 1.0
SHEET_ROWS, SHEET_COLUMNS, SHEET_FRAMES = 3, 4, 4
"""Limits of contact sheets: rows of a single clip, frames per row, and fewest frames."""


def grid(
    images: torch.Tensor, columns: int, *, gap: int = 2, colour: float = GAP_COLOUR
) -> torch.Tensor:
    """Arrange images row by row with gaps between them.

    Args:
        images: `(N, H, W, 3)` in [0, 1].
        columns: images per row; the last row may be shorter.
        gap: pixels between neighbours.
        colour: of gaps and empty cells, from 0 (black) to 1 (white).

    Returns:
        `(rows H + gaps, columns W + gaps, 3)`.

    Raises:
        ValueError: there are no images or no columns.
    """
    if images.ndim != 4 or len(images) == 0 or columns < 1:
        raise ValueError(
            f"images of shape {tuple(images.shape)} in {columns} columns: use (N, H, W, 3) with "
            "at least one image and one column"
        )
    count, height, width, channels = images.shape
    columns = min(columns, count)
    rows = -(-count // columns)
    canvas = images.new_full(
        (rows * (height + gap) - gap, columns * (width + gap) - gap, channels), colour
    )
    for index, image in enumerate(images):
        top, left = index // columns * (height + gap), index % columns * (width + gap)
        canvas[top : top + height, left : left + width] = image
    return canvas


def film_strip(
    video: torch.Tensor, count: int, *, height: int | None = None, gap: int = 2
) -> torch.Tensor:
    """Show `count` frames, evenly spread from the first to the last, side by side.

    Args:
        video: `(F, H, W, 3)` in [0, 1].
        count: number of frames; fewer if the video is shorter.
        height: the strip's height in pixels (default: the video's), keeping the aspect ratio.
        gap: pixels between frames.

    Returns:
        One image `(height, width, 3)`.
    """
    if video.ndim != 4 or len(video) == 0 or count < 1:
        raise ValueError(
            f"a strip of {count} frames from shape {tuple(video.shape)}: use (F, H, W, 3) and 1 "
            "or more frames"
        )
    frames = _spread(video, count)
    if height is not None:
        width = max(1, round(video.shape[2] * height / video.shape[1]))
        frames = resize(frames, height, width)
    return grid(frames, count, gap=gap)


def _spread(video: torch.Tensor, count: int) -> torch.Tensor:
    """Select evenly spread frames from first to last, or all if there are no more."""
    places = torch.linspace(0, len(video) - 1, min(count, len(video)))
    return video[places.round().long()]


def film_strips(
    clips: Sequence[torch.Tensor], count: int, *, height: int | None = None, gap: int = 2
) -> torch.Tensor:
    """Stack film strips of several clips of any sizes.

    Args:
        clips: `(F, H, W, 3)` in [0, 1] each.
        count, height, gap: of each strip, as in ``film_strip``.

    Returns:
        One image `(height, width, 3)`; narrower strips are padded to the widest.
    """
    rows = [film_strip(clip, count, height=height, gap=gap) for clip in clips]
    width = max(row.shape[1] for row in rows)
    below = [gap] * (len(rows) - 1) + [0]
    padded = [
        functional.pad(row, (0, 0, 0, width - row.shape[1], 0, space), value=GAP_COLOUR)
        for row, space in zip(rows, below, strict=True)
    ]
    return torch.cat(padded)


def contact_sheet(clips: Sequence[torch.Tensor], side: int, *, gap: int = 2) -> torch.Tensor:
    """Show frames of clips on a black square, as large as possible.

    A single clip fills up to three rows; each of several clips fills one. The frames are evenly
    spread from the first to the last and keep their aspect ratio.

    Args:
        clips: `(F, H, W, 3)` in [0, 1] each, of any sizes.
        side: of the square in pixels.
        gap: pixels between frames.

    Returns:
        One image `(side, side, 3)`.
    """
    aspect = sum(clip.shape[2] / clip.shape[1] for clip in clips) / len(clips)
    rows, columns = _layout([len(clip) for clip in clips], aspect)
    room = side - (max(rows, columns) - 1) * gap
    height = max(1, int(min(room / rows, room / columns / aspect)))
    width = max(1, int(height * aspect))
    count = rows * columns // len(clips)
    tiles = torch.cat([_tiles(clip, count, height, width) for clip in clips])
    return _framed(grid(tiles, columns, gap=gap, colour=0.0), side, side)


def _layout(lengths: Sequence[int], aspect: float) -> tuple[int, int]:
    """Choose rows and columns that cover most of a square with enough frames, preferring more."""

    def worth(rows: int, columns: int) -> tuple[bool, float, int]:
        height = min(1 / rows, 1 / columns / aspect)
        shown = sum(min(length, rows * columns // len(lengths)) for length in lengths)
        enough = shown >= min(SHEET_FRAMES, sum(lengths))
        return enough, round(shown * height**2 * aspect, 6), shown

    choices = [len(lengths)] if len(lengths) > 1 else range(1, SHEET_ROWS + 1)
    layouts = [(rows, columns) for rows in choices for columns in range(1, SHEET_COLUMNS + 1)]
    return max(layouts, key=lambda layout: worth(*layout))


def _tiles(clip: torch.Tensor, count: int, height: int, width: int) -> torch.Tensor:
    """Centre `count` frames on black tiles; tiles stay empty where a clip is too short."""
    scale = min(height / clip.shape[1], width / clip.shape[2])
    sides = [max(1, int(side * scale + 1e-6)) for side in clip.shape[1:3]]
    frames = resize(_spread(clip, count), sides[0], sides[1])
    shown = torch.stack([_framed(frame, height, width) for frame in frames])
    return functional.pad(shown, (0, 0, 0, 0, 0, 0, 0, count - len(shown)))


def _framed(image: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """Centre an image on a black one."""
    down, right = height - image.shape[0], width - image.shape[1]
    return functional.pad(image, (0, 0, right // 2, -(-right // 2), down // 2, -(-down // 2)))
