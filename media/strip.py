"""Several pictures as one: film strips for thumbnails, grids for comparisons."""

from collections.abc import Sequence

import torch
from torch.nn import functional

from .resize import resize

GAP_COLOUR = 1.0


def grid(images: torch.Tensor, columns: int, *, gap: int = 2) -> torch.Tensor:
    """Arrange pictures row by row with white gaps between them.

    Args:
        images: `(N, H, W, 3)` in [0, 1].
        columns: pictures per row; the last row may be shorter.
        gap: pixels between neighbours.

    Returns:
        `(rows H + gaps, columns W + gaps, 3)`.

    Raises:
        ValueError: there are no pictures or no columns.
    """
    if images.ndim != 4 or len(images) == 0 or columns < 1:
        raise ValueError(
            f"pictures of shape {tuple(images.shape)} in {columns} columns: "
            "use (N, H, W, 3) with at least one picture and one column"
        )
    count, height, width, channels = images.shape
    columns = min(columns, count)
    rows = -(-count // columns)
    canvas = images.new_full(
        (rows * (height + gap) - gap, columns * (width + gap) - gap, channels), GAP_COLOUR
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
        count: how many frames; fewer if the video is shorter.
        height: the strip's height in pixels (default: the video's), the aspect is kept.
        gap: pixels between frames.

    Returns:
        One image `(height, width, 3)`.
    """
    if video.ndim != 4 or len(video) == 0 or count < 1:
        raise ValueError(
            f"a strip of {count} frames from shape {tuple(video.shape)}: use (F, H, W, 3) and 1 up"
        )
    count = min(count, len(video))
    chosen = torch.linspace(0, len(video) - 1, count).round().long().tolist()
    frames = video[chosen]
    if height is not None:
        width = max(1, round(video.shape[2] * height / video.shape[1]))
        frames = resize(frames, height, width)
    return grid(frames, count, gap=gap)


def film_strips(
    clips: Sequence[torch.Tensor], count: int, *, height: int | None = None, gap: int = 2
) -> torch.Tensor:
    """Film strips of several clips of any sizes, one under the other.

    Args:
        clips: `(F, H, W, 3)` in [0, 1] each.
        count, height, gap: of each strip, as in ``film_strip``.

    Returns:
        One image `(height, width, 3)`; what is narrower than the widest strip is filled up.
    """
    rows = [film_strip(clip, count, height=height, gap=gap) for clip in clips]
    width = max(row.shape[1] for row in rows)
    below = [gap] * (len(rows) - 1) + [0]
    padded = [
        functional.pad(row, (0, 0, 0, width - row.shape[1], 0, space), value=GAP_COLOUR)
        for row, space in zip(rows, below, strict=True)
    ]
    return torch.cat(padded)
