"""Draw a timeline as an image."""

from torch import Tensor

from ..media.track import Shares, spread_cells, track
from .record import MADE, Timeline


def drawn(timeline: Timeline) -> Tensor:
    """Draw what is given, partly changed and generated in each frame: (H, W, 3) in [0, 1]."""
    length, height, width = timeline.shape
    shares = [_shares(timeline, frame) for frame in range(length)]
    made = sum(share.made == 1 for share in shares)
    changed = sum(share.given < 1 for share in shares) - made
    told = [f"{length} frames of {width}x{height} at {timeline.fps:g} per second"]
    told += [f"{count} {what}" for count, what in ((made, "made"), (changed, "changed")) if count]
    title = ", ".join([*told, *(["a loop"] if timeline.loop else [])])
    cells = [_cell(timeline, frame) for frame in spread_cells(length)]
    return track(cells, shares, fps=timeline.fps, title=title)


def _cell(timeline: Timeline, frame: int) -> Tensor | None:
    """The artist's frame, darkened where it is regenerated."""
    pixels, change = timeline.pixels(frame), _change(timeline, frame)
    if pixels is None or not isinstance(change, Tensor):
        return pixels
    return pixels * (1 - 0.8 * change.eq(MADE).float()[..., None])


def _shares(timeline: Timeline, frame: int) -> Shares:
    change = _change(timeline, frame)
    if not isinstance(change, Tensor):
        return Shares(given=1 - change, softened=0.0, made=change)
    given, made = float(change.eq(0).float().mean()), float(change.eq(MADE).float().mean())
    return Shares(given=given, softened=1 - given - made, made=made)


def _change(timeline: Timeline, frame: int) -> Tensor | float:
    piece = timeline.piece_at(frame)
    return MADE if piece is None else piece.change_at(frame)
