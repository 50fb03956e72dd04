"""Copy a video's streams into an MP4 without decoding them."""

import os
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import TYPE_CHECKING

from .container import demux, open_video
from .errors import MediaError
from .files import replacing
from .probe import MICROSECONDS, content_tags, stream_rate

if TYPE_CHECKING:
    from av.container import InputContainer, OutputContainer
    from av.packet import Packet
    from av.stream import Stream
    from av.video.stream import VideoStream


def copy_streams(
    source: str | os.PathLike[str],
    path: str | os.PathLike[str],
    metadata: Mapping[str, str] | None = None,
    *,
    own_tags: bool = True,
) -> None:
    """Copy the video and audio streams of `source` unchanged into an MP4, atomically.

    Args:
        source: a video file.
        path: output file; an existing file is replaced.
        metadata: tags added to those of the source, or replacing them. Dates are dropped.
        own_tags: whether to keep the tags of the source.

    Raises:
        MediaError: the source cannot be read, or an MP4 cannot hold its streams.
    """
    import av

    with open_video(source) as (given, pictures), replacing(path) as unfinished:
        options = {"movflags": "use_metadata_tags"}
        with av.open(str(unfinished), "w", format="mp4", container_options=options) as output:
            kept = content_tags(given.metadata) if own_tags else {}
            output.metadata.update(kept | dict(metadata or {}))
            _copy_packets(given, pictures, output)


def _copy_packets(
    given: "InputContainer", pictures: "VideoStream", output: "OutputContainer"
) -> None:
    try:
        copies: dict[int, Stream] = {
            stream.index: output.add_stream_from_template(stream, opaque=True)
            for stream in (pictures, *given.streams.audio)
        }
    except ValueError as error:
        raise MediaError(f"an MP4 cannot hold the streams of {given.name}: {error}") from error
    copied = 0
    for packet in _dated(given, pictures):
        if packet.stream.index in copies:
            _begin_at_zero(packet, given)
            packet.stream = copies[packet.stream.index]
            output.mux(packet)
            copied += 1
    if copied == 0:
        raise MediaError(f"{given.name} has neither video nor audio")


def _begin_at_zero(packet: "Packet", given: "InputContainer") -> None:
    """Subtract the file's start time: MPEG-TS counts from an arbitrary time."""
    late = Fraction(max(given.start_time or 0, 0), MICROSECONDS)
    ticks = round(late / packet.time_base)
    packet.dts = None if packet.dts is None else packet.dts - ticks
    packet.pts = None if packet.pts is None else packet.pts - ticks


def _dated(given: "InputContainer", pictures: "VideoStream") -> Iterator["Packet"]:
    """Yield the packets, each with a decoding time.

    Matroska does not store it for the first frames if they are decoded out of order; they are
    placed one frame apart before the first known one.
    """
    step = round(1 / (stream_rate(pictures) * (pictures.time_base or 1)))
    undated: list[Packet] = []
    for packet in demux(given):
        if packet.dts is None:
            undated.append(packet)
            continue
        if packet.stream.index == pictures.index:
            for distance, early in enumerate(reversed(undated), start=1):
                early.dts = packet.dts - distance * step
            yield from undated
            undated = []
        yield packet
    if undated:
        raise MediaError(f"{given.name} has no decoding times: its streams cannot be copied")
