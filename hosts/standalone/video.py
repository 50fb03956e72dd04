"""VIDEO objects of the standalone host: a file, or frames in memory.

Sound: a file that is saved unchanged keeps its sound. Frames taken out of a file come without it,
and a warning is logged; `audio` is always None here.
"""

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
    MediaError,
    check_room,
    content_tags,
    copy_streams,
    probe_video,
    read_video,
    to_frame_rate,
    write_video,
)

FORMATS = ("auto", "mp4")
CODECS = ("auto", "h264")
BYTES_PER_PIXEL = 12
"""Three colours in float32."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class VideoComponents:
    """Frames `(F, H, W, 3)` in [0, 1] and frames per second; `audio` is None in this host."""

    images: Tensor
    frame_rate: Fraction
    audio: None = None
    metadata: Mapping[str, str] | None = None


class Video(Protocol):
    """What travels through VIDEO sockets."""

    def get_components(self) -> VideoComponents:
        """All frames at once."""
        ...

    def get_dimensions(self) -> tuple[int, int]:
        """Width and height in pixels as shown."""
        ...

    def get_duration(self) -> float:
        """Seconds."""
        ...

    def stream(self, chunk: int = 16) -> Iterator[Tensor]:
        """Frames in chunks `(F, H, W, 3)`."""
        ...

    def save_to(
        self,
        path: str | Path,
        format: str = "auto",
        codec: str = "auto",
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Write an H.264 MP4; `metadata` values become JSON, texts stay as they are.

        Raises:
            ValueError: another format or codec, or the video cannot be read.
        """
        ...


@dataclass(frozen=True)
class VideoFromFile:
    """A video file; it is read when it is used."""

    path: Path

    def get_components(self) -> VideoComponents:
        """Decode all frames."""
        info = probe_video(self.path)
        self._warn_of_sound(info.has_audio)
        check_room(
            info.frames * info.width * info.height * BYTES_PER_PIXEL,
            f"{self.path} ({info.frames} frames of {info.width}x{info.height})",
        )
        return VideoComponents(_gathered(self.stream()), info.fps, None, info.metadata)

    def get_dimensions(self) -> tuple[int, int]:
        """Width and height as shown."""
        info = probe_video(self.path)
        return info.width, info.height

    def get_duration(self) -> float:
        """Seconds."""
        return probe_video(self.path).duration

    def stream(self, chunk: int = 16) -> Iterator[Tensor]:
        """Decode in chunks."""
        return read_video(self.path, chunk=chunk)

    def save_to(
        self,
        path: str | Path,
        format: str = "auto",
        codec: str = "auto",
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Copy the streams as they are if the codec fits an MP4, else encode them anew."""
        _check_choice(format, codec)
        tags = _texts(metadata)
        info = probe_video(self.path)
        if codec in ("auto", info.codec):
            try:
                return copy_streams(self.path, path, tags)
            except MediaError:
                log.info("an MP4 cannot hold the streams of %s: encoding them anew", self.path)
        self._warn_of_sound(info.has_audio)
        write_video(path, self.stream(), fps=info.fps, metadata=content_tags(info.metadata) | tags)
        return None

    def _warn_of_sound(self, has_audio: bool) -> None:
        if has_audio:
            log.warning("the sound of %s is left out: this host handles pictures only", self.path)


@dataclass(frozen=True, eq=False)
class VideoFromComponents:
    """Frames `(F, H, W, 3)` in [0, 1] with their rate; `audio` has to be None.

    Raises:
        ValueError: another shape, a rate out of range, or sound.
    """

    images: Tensor
    frame_rate: Fraction
    audio: None = None

    def __post_init__(self) -> None:
        if self.images.ndim != 4 or self.images.shape[-1] != 3 or len(self.images) == 0:
            raise ValueError(
                f"frames of shape {tuple(self.images.shape)} make no video: use (F, H, W, 3)"
            )
        if self.audio is not None:
            raise ValueError("this host writes no sound: leave audio unconnected")
        object.__setattr__(self, "frame_rate", to_frame_rate(self.frame_rate))

    def get_components(self) -> VideoComponents:
        """The frames themselves."""
        return VideoComponents(self.images, self.frame_rate)

    def get_dimensions(self) -> tuple[int, int]:
        """Width and height."""
        return self.images.shape[2], self.images.shape[1]

    def get_duration(self) -> float:
        """Seconds."""
        return float(len(self.images) / self.frame_rate)

    def stream(self, chunk: int = 16) -> Iterator[Tensor]:
        """Views of the frames."""
        return iter(self.images.split(chunk))

    def save_to(
        self,
        path: str | Path,
        format: str = "auto",
        codec: str = "auto",
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Encode the frames."""
        _check_choice(format, codec)
        write_video(path, self.stream(), fps=self.frame_rate, metadata=_texts(metadata))


def _gathered(chunks: Iterable[Tensor]) -> Tensor:
    """All frames as one tensor; each chunk is given up when it has been copied."""
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


def _texts(metadata: Mapping[str, Any] | None) -> dict[str, str]:
    given = (metadata or {}).items()
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in given}
