"""Clips that are read in pieces: from a file, or from frames in memory."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple, Protocol

from torch import Tensor

from .container import Source, name_of
from .errors import MediaError
from .fit import retimed
from .probe import probe_video
from .rate import to_frame_rate
from .read import read_video
from .sound import Sound, read_sound
from .stream import FrameStream, frame_chunks, picked

CHUNK = 16
"""Number of frames read at a time."""


class ClipForm(NamedTuple):
    """Size, length and frame rate of a clip.

    Args:
        height: of the frames as shown, in pixels.
        width: of the frames as shown, in pixels.
        frames: as stated by the file; a damaged one may hold fewer.
        fps: frames per second.
    """

    height: int
    width: int
    frames: int
    fps: Fraction


class Clip(Protocol):
    """Frames and sound of a clip."""

    def form(self) -> ClipForm:
        """Return the clip's size, length and frame rate."""
        ...

    def frames(self, fps: Fraction, start: float = 0.0) -> Iterator[Tensor]:
        """Read the frames on screen at each tick.

        Args:
            fps: ticks per second.
            start: seconds of the clip to skip.

        Returns:
            Chunks (F, H, W, 3) in [0, 1].

        Raises:
            MediaError: while iterating: the clip cannot be read, or is not that long.
        """
        ...

    def sound(self, start: float, duration: float) -> Sound | None:
        """Read the sound of a section in seconds; None if there is none."""
        ...


@dataclass(frozen=True)
class FileClip:
    """A video file, or a section of one.

    Args:
        source: the file.
        begin: seconds to skip at the file's beginning.
        duration: of the clip in seconds; None for the rest of the file.
    """

    source: Source
    begin: float = 0.0
    duration: float | None = None

    def form(self) -> ClipForm:
        """Read the form from the header."""
        info = probe_video(self.source)
        rest = max(0, info.frames - math.floor(self.begin * info.fps))
        frames = rest if self.duration is None else min(rest, self._ticks(info.fps, 0.0))
        return ClipForm(info.height, info.width, frames, info.fps)

    def frames(self, fps: Fraction, start: float = 0.0) -> Iterator[Tensor]:
        """Yield each frame once if the file has this rate, else resample by timestamps."""
        info = probe_video(self.source)
        most = None if self.duration is None else self._ticks(fps, start)
        if most == 0:
            raise MediaError(_too_short(name_of(self.source), start))
        own = fps == info.fps and not info.variable
        return read_video(
            self.source,
            start=self.begin + start,
            frames=most,
            chunk=CHUNK,
            fps=None if own else fps,
        )

    def sound(self, start: float, duration: float) -> Sound | None:
        """Read the sound, padded with silence where the file's own begins later or ends earlier."""
        return read_sound(self.source, start=self.begin + start, duration=duration)

    def _ticks(self, fps: Fraction, start: float) -> int:
        """Number of ticks in the clip's duration."""
        return max(0, round((Fraction(self.duration or 0) - Fraction(start)) * fps))


@dataclass(frozen=True, eq=False)
class HeldClip:
    """Frames in memory, or generated as they are read.

    Args:
        images: (F, H, W, 3 or more) in [0, 1].
        fps: frames per second.
        held_sound: of the whole clip.
    """

    images: Tensor | FrameStream
    fps: Fraction
    held_sound: Sound | None = None

    def form(self) -> ClipForm:
        """Derive the form from the tensor's shape."""
        frames, height, width = self.images.shape[:3]
        return ClipForm(height, width, frames, to_frame_rate(self.fps))

    def frames(self, fps: Fraction, start: float = 0.0) -> Iterator[Tensor]:
        """Yield views of the frames; those of a stream are generated again."""
        rate, count = to_frame_rate(self.fps), self.images.shape[0]
        first = math.floor(Fraction(start) * rate)
        if first >= count:
            raise MediaError(_too_short("the video", start))
        numbers = [first + number for number in retimed(count - first, rate, fps)]
        return picked(frame_chunks(self.images, CHUNK), numbers)

    def sound(self, start: float, duration: float) -> Sound | None:
        """Return a section of the sound; it may end earlier."""
        if self.held_sound is None:
            return None
        rate = self.held_sound.rate
        first = round(start * rate)
        return Sound(self.held_sound.samples[:, first : first + round(duration * rate)], rate)


def _too_short(name: str, start: float) -> str:
    return f"{name} holds no video frame from {start:g} s on: begin earlier"
