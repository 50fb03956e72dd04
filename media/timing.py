"""Detect a variable frame rate from a file's timestamps alone."""

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
"""Number of packets examined at the start of a file; variable rates show from the start."""

FEWEST = 3
"""Fewest intervals from which a rate can be judged."""

UNEVEN = Fraction(1, 2)
"""Relative deviation allowed from the usual interval, since containers round timestamps."""

ALIKE = Fraction(1, 20)
"""Relative deviation allowed between a rate that the file states and the usual one."""


def usual_rate(container: "InputContainer", stream: "VideoStream") -> Fraction | None:
    """Return the usual frame rate if the rate is variable, or None if it is constant.

    Files with too few frames count as constant. The container is read from its beginning and left
    at an arbitrary position.
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
    """Seconds between successive frames, in display order."""
    from av.error import FFmpegError

    try:
        container.seek(0)
        packets = islice(demux(container), LOOKED_AT)
        shown = {each.pts for each in packets if each.stream.index == stream.index}
    except (FFmpegError, MediaError):  # a damaged file is reported when it is decoded
        return []
    stamps = sorted(stamp for stamp in shown if stamp is not None)
    tick = stream.time_base or Fraction(1, MAX_FPS)
    return [(later - sooner) * tick for sooner, later in pairwise(stamps)]
