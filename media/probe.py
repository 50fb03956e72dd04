"""What a video file holds, without decoding it all."""

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
# Tags of a container about itself and about dates, not about what it shows.
CONTAINER_TAGS = frozenset(
    {"major_brand", "minor_version", "compatible_brands", "encoder", "creation_time", "date"}
)


@dataclass(frozen=True, kw_only=True)
class VideoInfo:
    """Facts about a video file.

    Attributes:
        width, height: pixels as shown, so after `rotation`.
        frames: from the header, else estimated from the duration, else counted.
        fps: average frames per second; of a variable rate, the one of most pictures.
        metadata: the container's tags, e.g. `prompt` and `workflow`.
        rotation: degrees counter-clockwise by which the stored picture is turned for showing.
        has_audio: whether there is a sound stream.
        codec: of the pictures, e.g. "h264".
        variable: the pictures do not come at a constant rate: read them with `fps=`. `frames` are
            those that this gives.
        bit_depth: of a colour.
        transfer: the number of its curve in H.273 (ITU-T), 2 where the file does not say.
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
    """Return the tags that another file with the same content should have: no dates, no brands."""
    return {key: value for key, value in metadata.items() if key not in CONTAINER_TAGS}


def stream_rate(stream: "VideoStream") -> Fraction:
    """Return the average frame rate that the file states or suggests (25 if it says nothing)."""
    for rate in (stream.average_rate, stream.guessed_rate, stream.base_rate):
        if rate:
            return Fraction(rate)
    return Fraction(25)


def frame_rotation(frame: "VideoFrame") -> int:
    """Return the quarter turns of a frame for showing, in degrees counter-clockwise 0..270."""
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
