"""Whether a file's pictures come at a constant rate, by their time stamps alone."""

from fractions import Fraction
from itertools import islice, pairwise
from statistics import median
from typing import TYPE_CHECKING

from .container import demux
from .errors import MediaError
from .rate import MAX_FPS, to_frame_rate

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

LOOKED_AT = 2000
"""Packets at the beginning of a file; who records at a variable rate does so from the start on."""

FEWEST = 3
"""Intervals that say something about a rate."""

UNEVEN = Fraction(1, 2)
"""How far an interval may be from the usual one, as a part of it: containers round time stamps."""

ALIKE = Fraction(1, 20)
"""How far a rate that the file states may be from the usual one, as a part of it."""


def usual_rate(container: "InputContainer", stream: "VideoStream") -> Fraction | None:
    """Return the rate at which most pictures follow each other, None where all of them do.

    The container is read from its beginning and left somewhere in it.
    """
    intervals = _intervals(container, stream)
    if len(intervals) < FEWEST:
        return None
    usual = median(intervals)
    if all(abs(each - usual) <= UNEVEN * usual for each in intervals):
        return None
    stated = [rate for rate in (stream.average_rate, stream.guessed_rate) if rate]
    near = [Fraction(rate) for rate in stated if abs(rate * usual - 1) <= ALIKE]
    return to_frame_rate(near[0] if near else min(1 / usual, Fraction(MAX_FPS)))


def _intervals(container: "InputContainer", stream: "VideoStream") -> list[Fraction]:
    """Seconds between one picture and the next, in the order in which they are shown."""
    from av.error import FFmpegError

    try:
        container.seek(0)
        packets = islice(demux(container), LOOKED_AT)
        shown = {each.pts for each in packets if each.stream.index == stream.index}
    except (FFmpegError, MediaError):  # a damaged file is judged by who decodes it
        return []
    stamps = sorted(stamp for stamp in shown if stamp is not None)
    tick = stream.time_base or Fraction(1, MAX_FPS)
    return [(later - sooner) * tick for sooner, later in pairwise(stamps)]
