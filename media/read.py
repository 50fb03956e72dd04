"""Read video files as streams of frames."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import torch

from .colour import from_yuv420
from .container import Source, decode, name_of, open_video
from .errors import MediaError
from .pixels import BYTE_MAX
from .probe import frame_rotation, stream_rate
from .rate import to_frame_rate

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

# Containers round timestamps, Matroska to milliseconds: a frame may appear this much earlier.
ROUNDING = Fraction(1, 1000)
# Seconds that one frame may stay on screen: beyond that, the timestamps are damaged.
LONGEST_PICTURE = 600

FULL_RANGE_FORMAT = "yuvj420p"
HALVED_CHROMA = {"yuv420p": 8, FULL_RANGE_FORMAT: 8, "yuv420p10le": 10, "yuv420p12le": 12}
"""Bit depths of the pixel formats that are converted in Python, not by libswscale."""

FULL_RANGE = 2
"""The full range among ffmpeg's colour ranges."""

# libswscale flags: bilinear, accurate rounding, chroma per column. PyAV 14 takes only numbers.
ACCURATE = 2 | 1 << 18 | 1 << 13


@dataclass(frozen=True)
class _Shown:
    """A decoded frame with the times, in seconds, at which it appears and disappears."""

    frame: "VideoFrame"
    begin: Fraction
    end: Fraction


def read_video(
    source: Source,
    *,
    start: float = 0.0,
    frames: int | None = None,
    chunk: int = 16,
    fps: Fraction | float | None = None,
) -> Iterator[torch.Tensor]:
    """Stream a video file in chunks; only one chunk is in memory, whatever the length.

    The rotation stored by cameras is applied, and every pixel format becomes RGB. A truncated file
    yields the frames that can be read, if any.

    Args:
        source: a file of any common container and codec.
        start: seconds after the first frame; the frame on screen at that time comes first.
        frames: maximum number of frames; None for all.
        chunk: frames per tensor; the last one may be shorter.
        fps: resample by timestamps to this constant rate (the frame on screen at each tick), which
            makes variable-rate video regular; None yields every stored frame once.

    Returns:
        An iterator of float32 tensors `(F, H, W, 3)` in [0, 1].

    Raises:
        MediaError: while iterating: missing, empty, broken or non-video file, or no frame in range.
        ValueError: immediately: an argument is out of range.
    """
    if not start >= 0:
        raise ValueError(f"start={start} seconds: use 0 or more")
    if chunk < 1 or (frames is not None and frames < 1):
        raise ValueError(f"chunk={chunk}, frames={frames}: use 1 or more")
    rate = None if fps is None else to_frame_rate(fps)
    return _chunks(source, Fraction(start), frames, chunk, rate)


def _chunks(
    source: Source,
    start: Fraction,
    frames: int | None,
    chunk: int,
    rate: Fraction | None,
) -> Iterator[torch.Tensor]:
    with open_video(source) as (container, stream):
        shown = _from(_shown(container, stream, start), start)
        chosen = (s.frame for s in shown) if rate is None else _resampled(shown, start, rate)
        pictures = _pictures(islice(chosen, frames))
        empty = True
        for first in pictures:
            empty = False
            yield _gathered(first, islice(pictures, chunk - 1), chunk)
        if empty:
            raise MediaError(f"{name_of(source)} holds no video frame from {float(start):g} s on")


def _gathered(first: np.ndarray, others: Iterator[np.ndarray], most: int) -> torch.Tensor:
    whole, count = np.empty((most, *first.shape), first.dtype), 1
    whole[0] = first
    for picture in others:
        whole[count] = picture
        count += 1
    return torch.from_numpy(whole[:count])


def _shown(container: "InputContainer", stream: "VideoStream", start: Fraction) -> Iterator[_Shown]:
    """Yield the frames from the key frame at or before `start`, with their times.

    A frame lasts until the next one appears, since files store durations in decoding order or not
    at all.
    """
    step = 1 / stream_rate(stream)
    tick = stream.time_base or step
    origin = stream.start_time or 0
    if start > 0:
        _seek(container, stream, origin + int(start / tick))
    last, end = None, Fraction(0)
    for frame in decode(container, stream):
        begin = end if frame.pts is None else (frame.pts - origin) * tick
        if last is not None:
            yield _Shown(last[0], last[1], begin)
        ticks = getattr(frame, "duration", None)  # since PyAV 15
        last, end = (frame, begin), begin + (ticks * tick if ticks else step)
    if last is not None:
        yield _Shown(*last, end)


def _seek(container: "InputContainer", stream: "VideoStream", timestamp: int) -> None:
    """Seek to the key frame before a time; read a file that cannot seek from its beginning."""
    from av.error import FFmpegError

    try:
        container.seek(timestamp, stream=stream)
    except FFmpegError:
        container.seek(0)


def _from(shown: Iterator[_Shown], start: Fraction) -> Iterator[_Shown]:
    for item in shown:
        if item.end - min(ROUNDING, (item.end - item.begin) / 10) > start:
            yield item


def _resampled(shown: Iterator[_Shown], start: Fraction, rate: Fraction) -> Iterator["VideoFrame"]:
    """Yield, for each tick of `rate`, the frame on screen at that time."""
    count, last = 0, None
    start += min(ROUNDING, 1 / (10 * rate))
    for item in shown:
        if item.end - item.begin > LONGEST_PICTURE:
            raise MediaError(
                f"the timestamps jump by {float(item.end - item.begin):.0f} s at "
                f"{float(item.begin):.2f} s: the file is damaged; read it without fps="
            )
        while last is not None and start + count / rate < item.begin:
            yield last.frame
            count += 1
        last = item
    while last is not None and start + count / rate < last.end:
        yield last.frame
        count += 1


def _pictures(frames: Iterator["VideoFrame"]) -> Iterator[np.ndarray]:
    """Convert to upright RGB arrays in [0, 1], in the size of the first frame."""
    width, height = 0, 0
    for frame in frames:
        width, height = width or frame.width, height or frame.height
        if (frame.width, frame.height) == (width, height) and frame.format.name in HALVED_CHROMA:
            picture = _from_planes(frame)
        else:
            picture = frame.to_ndarray(
                format="rgb24", width=width, height=height, interpolation=ACCURATE
            ).astype(np.float32)
            picture /= BYTE_MAX
        yield np.rot90(picture, frame_rotation(frame) // 90)


def _from_planes(frame: "VideoFrame") -> np.ndarray:
    bits = HALVED_CHROMA[frame.format.name]
    kind = np.dtype(np.uint8 if bits == min(HALVED_CHROMA.values()) else np.uint16)
    luma, cb, cr = (
        np.frombuffer(bytes(plane), kind).reshape(plane.height, -1)[:, : plane.width]
        for plane in frame.planes
    )
    full_range = frame.color_range == FULL_RANGE or frame.format.name == FULL_RANGE_FORMAT
    return from_yuv420(
        (luma, cb, cr), matrix=int(frame.colorspace), full_range=full_range, bits=bits
    )
