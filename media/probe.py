"""Inspect a video file without decoding all of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

from .container import Source, decode, name_of, open_video
from .errors import MediaError
from .timing import usual_rate

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

MICROSECONDS = 1_000_000
# Tags that describe the container itself and dates, not the content.
CONTAINER_TAGS = frozenset(
    {"major_brand", "minor_version", "compatible_brands", "encoder", "creation_time", "date"}
)


@dataclass(frozen=True, kw_only=True)
class VideoInfo:
    """Properties of a video file.

    Attributes:
        width, height: pixels as shown, after `rotation`.
        frames: from the header, else estimated from the duration, else counted.
        fps: average frames per second; for a variable rate, that of most frames.
        metadata: the container's tags, e.g. `prompt` and `workflow`.
        rotation: degrees counter-clockwise by which stored frames are turned for display.
        has_audio: whether there is an audio stream.
        codec: of the video stream, e.g. "h264".
        variable: the frame rate is not constant: read the file with `fps=`. `frames` is the number
            that this yields.
        bit_depth: per colour.
        transfer: number of the transfer curve in H.273 (ITU-T), 2 if the file does not say.
    """

    width: int
    height: int
    frames: int
    fps: Fraction
    metadata: dict[str, str] = field(default_factory=dict)
    rotation: int = 0
    has_audio: bool = False
    codec: str = ""
    variable: bool = False
    bit_depth: int = 8
    transfer: int = 2


def probe_video(source: Source) -> VideoInfo:
    """Read a video file's header and first frame.

    Raises:
        MediaError: the file is missing, empty, broken or not a video.
    """
    with open_video(source) as (container, stream):
        metadata = dict(container.metadata)
        first = next(decode(container, stream), None)
        if first is None:
            raise MediaError(f"{name_of(source)} holds no video frame")
        fps, duration = stream_rate(stream), _duration(container, stream)
        frames = _frame_count(container, stream, fps)
        usual = usual_rate(container, stream)
        if usual is not None:
            fps, frames = usual, max(1, round((duration or frames / fps) * usual))
        turned = frame_rotation(first) % 180 == 90
        width, height = (first.height, first.width) if turned else (first.width, first.height)
        return VideoInfo(
            width=width,
            height=height,
            frames=frames,
            fps=fps,
            metadata=metadata,
            rotation=frame_rotation(first),
            has_audio=bool(container.streams.audio),
            codec=stream.codec_context.name,
            variable=usual is not None,
            bit_depth=max(component.bits for component in first.format.components),
            transfer=int(stream.codec_context.color_trc),
        )


def content_tags(metadata: Mapping[str, str]) -> dict[str, str]:
    """Return the tags that describe the content, without dates and brands."""
    return {key: value for key, value in metadata.items() if key not in CONTAINER_TAGS}


def stream_rate(stream: "VideoStream") -> Fraction:
    """Return the average frame rate that the file states or suggests (25 if it states none)."""
    for rate in (stream.average_rate, stream.guessed_rate, stream.base_rate):
        if rate:
            return Fraction(rate)
    return Fraction(25)


def frame_rotation(frame: "VideoFrame") -> int:
    """Return a frame's display rotation in quarter turns, in degrees counter-clockwise 0..270."""
    return round(frame.rotation / 90) % 4 * 90


def _duration(container: "InputContainer", stream: "VideoStream") -> float | None:
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    if container.duration and container.duration > 0:
        return container.duration / MICROSECONDS
    return None


def _frame_count(container: "InputContainer", stream: "VideoStream", fps: Fraction) -> int:
    if stream.frames > 0:
        return stream.frames
    duration = _duration(container, stream)
    if duration:
        return max(1, round(duration * fps))
    return 1 + sum(1 for _ in decode(container, stream))
