"""Open video files with PyAV: only real video containers, only local files, one error class."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING

from .errors import MediaError
from .files import existing_file

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

# Without playlists and text renderers, which open other files or turn any text into a video.
CONTAINERS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,flv,gif,apng,h264,hevc,ogg,asf,mxf,"
    "ivf,yuv4mpegpipe,webp_pipe"
)

Source = str | os.PathLike[str] | BytesIO
"""A video's location: a file, or bytes in memory."""


def name_of(source: Source) -> str:
    """Name of a source in messages."""
    return "the video in memory" if isinstance(source, BytesIO) else os.fspath(source)


@contextmanager
def open_video(source: Source) -> Iterator[tuple["InputContainer", "VideoStream"]]:
    """Open a file and yield its container and first video stream, ignoring cover images.

    Raises:
        MediaError: the file is missing, empty, broken or not a video, or decoding fails inside the
            block.
    """
    import av
    from av.error import FFmpegError

    file, name = _readable(source), name_of(source)
    options = {"protocol_whitelist": "file", "format_whitelist": CONTAINERS}
    try:
        with av.open(file, "r", container_options=options, metadata_errors="replace") as container:
            stream = next(filter(_is_moving, container.streams.video), None)
            if stream is None:
                what = "only a cover image" if container.streams.video else "no video stream"
                raise MediaError(f"{name} has {what}")
            stream.thread_type = "AUTO"
            yield container, stream
    except (FFmpegError, OverflowError, MemoryError) as error:
        raise MediaError(f"{name} cannot be read as a video: {_reason(error)}") from error


def _readable(source: Source) -> str | BytesIO:
    if isinstance(source, BytesIO):
        return BytesIO(source.getvalue())  # a separate reader, positioned at the start
    return str(existing_file(source, "video"))


def _is_moving(stream: "VideoStream") -> bool:
    from av.stream import Disposition

    return not stream.disposition & Disposition.attached_pic


def decode(container: "InputContainer", stream: "VideoStream") -> Iterator["VideoFrame"]:
    """Yield the stream's frames from the container's position; MediaError if it is damaged."""
    with _steady_streams(container):
        yield from container.decode(stream)


def demux(container: "InputContainer") -> Iterator["Packet"]:
    """Yield all non-empty packets; MediaError if the file is damaged."""
    with _steady_streams(container):
        yield from (packet for packet in container.demux() if packet.size > 0)


@contextmanager
def _steady_streams(container: "InputContainer") -> Iterator[None]:
    """Turn PyAV's IndexError into MediaError when a damaged file has undeclared streams."""
    try:
        yield
    except IndexError as error:
        raise MediaError(f"{container.name} is damaged: its streams change midway") from error


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
