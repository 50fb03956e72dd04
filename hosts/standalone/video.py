"""VIDEO objects of the standalone host: a file, or frames in memory, with their sound."""

import json
import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from ...media import (
    QUALITY,
    FrameStream,
    MediaError,
    VideoInfo,
    check_room,
    content_tags,
    copy_streams,
    frame_chunks,
    probe_video,
    read_sound,
    read_video,
    to_frame_rate,
    whole_frames,
    write_video,
)
from ..audio import Audio, to_audio, to_sound

FORMATS = ("auto", "mp4")
CODECS = ("auto", "h264")
SDR = "sRGB"
COLOUR_SPACES = {1: SDR, 13: SDR, 16: "HDR PQ", 18: "HDR"}
"""Colour spaces by the transfer characteristics of H.273 (ITU-T)."""

BYTES_PER_PIXEL = 12
"""Three colours in float32."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class VideoComponents:
    """Frames `(F, H, W, 3)` in [0, 1], frames per second, and the sound, if any."""

    images: Tensor
    frame_rate: Fraction
    audio: Audio | None = None
    metadata: Mapping[str, str] | None = None


class Video(Protocol):
    """A video on a VIDEO socket."""

    def get_components(self) -> VideoComponents:
        """Return all frames at once, with the sound."""
        ...

    def get_dimensions(self) -> tuple[int, int]:
        """Return the displayed width and height in pixels."""
        ...

    def get_bit_depth(self) -> int:
        """Return the bits per colour, 8 or 10 for most files."""
        ...

    def get_color_space(self) -> str:
        """Return `sRGB`, `HDR` (HLG) or `HDR PQ`; pixels are not converted."""
        ...

    def stream(self, chunk: int = 16) -> Iterator[Tensor]:
        """Yield frames in chunks `(F, H, W, 3)`, without the sound."""
        ...

    def save_to(
        self,
        path: str | Path,
        format: str = "auto",
        codec: str = "auto",
        metadata: Mapping[str, Any] | None = None,
        crf: float | None = None,
        *,
        own_tags: bool = True,
    ) -> None:
        """Write an H.264 MP4; `metadata` values become JSON, strings stay as they are.

        Encoded sound is AAC and ends with the last frame.

        With `crf`, a file is re-encoded at that quality, even if it could be copied. Without
        `own_tags`, only video and sound of the source file are kept.

        Raises:
            ValueError: the format or codec is not supported, or the video cannot be read.
        """
        ...


@dataclass(frozen=True)
class VideoFromFile:
    """A video file, read when it is used."""

    path: Path

    def get_components(self) -> VideoComponents:
        """Decode all frames and all sound, starting at the first frame."""
        info = probe_video(self.path)
        check_room(
            info.frames * info.width * info.height * BYTES_PER_PIXEL,
            f"{self.path} ({info.frames} frames of {info.width}x{info.height})",
        )
        frames = _gathered(self._frames(info))
        return VideoComponents(frames, info.fps, to_audio(read_sound(self.path)), info.metadata)

    def get_dimensions(self) -> tuple[int, int]:
        """Return the displayed width and height."""
        info = probe_video(self.path)
        return info.width, info.height

    def get_bit_depth(self) -> int:
        """Return the file's bit depth."""
        return probe_video(self.path).bit_depth

    def get_color_space(self) -> str:
        """Return the space for the transfer that the file states; sRGB if none or another."""
        return COLOUR_SPACES.get(probe_video(self.path).transfer, SDR)

    def stream(self, chunk: int = 16) -> Iterator[Tensor]:
        """Decode in chunks; a variable frame rate becomes constant."""
        return self._frames(probe_video(self.path), chunk)

    def _frames(self, info: VideoInfo, chunk: int = 16) -> Iterator[Tensor]:
        return read_video(self.path, chunk=chunk, fps=info.fps if info.variable else None)

    def save_to(
        self,
        path: str | Path,
        format: str = "auto",
        codec: str = "auto",
        metadata: Mapping[str, Any] | None = None,
        crf: float | None = None,
        *,
        own_tags: bool = True,
    ) -> None:
        """Copy the streams if an MP4 can hold them, else re-encode them."""
        _check_choice(format, codec)
        tags = _texts(metadata)
        info = probe_video(self.path)
        if crf is None and codec in ("auto", info.codec):
            try:
                return copy_streams(self.path, path, tags, own_tags=own_tags)
            except MediaError:
                log.info("an MP4 cannot hold the streams of %s: re-encoding them", self.path)
        write_video(
            path,
            self._frames(info),
            fps=info.fps,
            metadata=(content_tags(info.metadata) if own_tags else {}) | tags,
            crf=_quality(crf),
            sound=read_sound(self.path),
        )
        return None


@dataclass(frozen=True, eq=False)
class VideoFromComponents:
    """Frames `(F, H, W, 3)` in [0, 1] with their rate and sound.

    A stream of frames stays a stream: saving it holds only a few frames at a time.

    Raises:
        ValueError: the shape is wrong, the rate is out of range, or no file can hold the sound.
    """

    images: Tensor | FrameStream
    frame_rate: Fraction
    audio: Audio | None = None
    bit_depth: int = 8

    def __post_init__(self) -> None:
        shape = tuple(self.images.shape)
        if len(shape) != 4 or shape[-1] != 3 or shape[0] == 0:
            raise ValueError(f"frames of shape {shape} are not a video: use (F, H, W, 3)")
        to_sound(self.audio)
        object.__setattr__(self, "frame_rate", to_frame_rate(self.frame_rate))

    def get_components(self) -> VideoComponents:
        """Return the frames as one tensor, with the sound unchanged."""
        return VideoComponents(whole_frames(self.images), self.frame_rate, self.audio)

    def get_dimensions(self) -> tuple[int, int]:
        """Return the width and height."""
        return self.images.shape[2], self.images.shape[1]

    def get_bit_depth(self) -> int:
        """Return the bit depth that it is saved with."""
        return self.bit_depth

    def get_color_space(self) -> str:
        """Return sRGB, as for all frames in memory."""
        return SDR

    def stream(self, chunk: int = 16) -> Iterator[Tensor]:
        """Yield views of the frames; a stream generates its frames again."""
        return frame_chunks(self.images, chunk)

    def save_to(
        self,
        path: str | Path,
        format: str = "auto",
        codec: str = "auto",
        metadata: Mapping[str, Any] | None = None,
        crf: float | None = None,
        *,
        own_tags: bool = True,
    ) -> None:
        """Encode the frames and the sound; there are no tags of a source file."""
        _check_choice(format, codec)
        write_video(
            path,
            self.stream(),
            fps=self.frame_rate,
            metadata=_texts(metadata),
            crf=_quality(crf),
            bit_depth=self.bit_depth,
            sound=to_sound(self.audio),
        )


def _gathered(chunks: Iterable[Tensor]) -> Tensor:
    """Join all frames into one tensor; each chunk is freed when it has been copied."""
    parts = list(chunks)
    whole = torch.empty((sum(map(len, parts)), *parts[0].shape[1:]))
    place = len(whole)
    while parts:
        part = parts.pop()
        whole[place - len(part) : place] = part
        place -= len(part)
    return whole


def _check_choice(format: str, codec: str) -> None:
    if format not in FORMATS or codec not in CODECS:
        raise ValueError(
            f"format {format!r} with codec {codec!r}: use format {' or '.join(FORMATS)} "
            f"and codec {' or '.join(CODECS)}"
        )


def _quality(crf: float | None) -> float:
    return QUALITY if crf is None else crf


def _texts(metadata: Mapping[str, Any] | None) -> dict[str, str]:
    given = (metadata or {}).items()
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in given}
