"""Sound of video files: read as samples, and written alongside the frames."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import torch

from .container import Source, open_video

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream
    from av.container import InputContainer, OutputContainer
    from av.video.stream import VideoStream

LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1"}
"""Layouts by number of channels."""
FEWEST = min(LAYOUTS)

AAC_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000)
USUAL_RATE = 48000
BIT_RATE = 96_000
"""Bits per second and channel at which AAC sounds like the source."""

PIECE = 1024
"""Number of samples passed to the encoder at a time."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Sound:
    """Audio samples of a clip.

    Args:
        samples: (channels, samples) in [-1, 1], float32.
        rate: samples per second.

    Raises:
        ValueError: the shape, the number of channels or the rate is not supported, or samples are
            not finite.
    """

    samples: torch.Tensor
    rate: int

    def __post_init__(self) -> None:
        if self.samples.ndim != 2 or len(self.samples) not in LAYOUTS:
            raise ValueError(
                f"sound of shape {tuple(self.samples.shape)}: use (channels, samples) with "
                "1 (mono), 2 (stereo) or 6 (5.1) channels"
            )
        if self.rate < 1:
            raise ValueError(f"a sample rate of {self.rate}: use for example {USUAL_RATE}")
        if not self.samples.isfinite().all():
            raise ValueError("the sound holds NaN or infinite samples: use samples in [-1, 1]")

    def shortened(self, seconds: Fraction) -> Sound:
        """Return the first `seconds` of the sound."""
        return Sound(self.samples[:, : round(seconds * self.rate)], self.rate)


def read_sound(
    source: Source, *, start: float = 0.0, duration: float | None = None
) -> Sound | None:
    """Read the sound of a video, or of a section of it.

    Numbers of channels not in `LAYOUTS` are mixed down to the next smaller layout. Damaged parts
    are silent, with a logged warning.

    Args:
        source: a video file.
        start: seconds after its first frame; silent until the sound begins.
        duration: in seconds, padded with silence; None for everything after `start`.

    Returns:
        The sound, or None if the file has none that can be decoded.

    Raises:
        MediaError: the file cannot be read.
    """
    with open_video(source) as (container, pictures):
        stream = _decodable(container)
        if stream is None:
            return None
        begin = _first_picture(pictures) + Fraction(start)
        count = None if duration is None else round(Fraction(duration) * stream.rate)
        parts = _parts(container, stream, begin, count)
        if count is None:
            if not parts:
                return None
            count = max(place + values.shape[1] for place, values in parts)
        samples = np.zeros((_channels(stream), count), np.float32)
        for place, values in parts:
            _put(samples, values, place)
        return Sound(torch.from_numpy(samples).nan_to_num(0.0, 0.0, 0.0), stream.rate)


def _decodable(container: InputContainer) -> AudioStream | None:
    """Return the first audio stream that has a decoder; a phone's spatial audio has none."""
    streams = container.streams.audio
    known = [stream for stream in streams if stream.codec_context is not None]
    if streams and not known:
        log.warning("the sound of %s cannot be decoded: it is left out", container.name)
    return next(iter(known), None)


def _channels(stream: AudioStream) -> int:
    return max((count for count in LAYOUTS if count <= stream.channels), default=FEWEST)


def _parts(
    container: InputContainer, stream: AudioStream, begin: Fraction, count: int | None
) -> list[tuple[int, np.ndarray]]:
    """Decode a section in pieces, each with its first sample, counted from the section's start."""
    parts: list[tuple[int, np.ndarray]] = []
    for time, values in _decoded(container, stream):
        place = round((time - begin) * stream.rate)
        if count is not None and place >= count:
            break
        if place + values.shape[1] > 0:
            parts.append((place, values))
    return parts


def _first_picture(pictures: VideoStream) -> Fraction:
    return (pictures.start_time or 0) * (pictures.time_base or Fraction(1))


def _decoded(
    container: InputContainer, stream: AudioStream
) -> Iterator[tuple[Fraction, np.ndarray]]:
    """Yield times in seconds with the samples (channels, n) that start then."""
    import av

    layout = LAYOUTS[_channels(stream)]
    resampler = av.AudioResampler(format="fltp", layout=layout, rate=stream.rate)
    end = Fraction(0)
    for frame in _frames(container, stream):
        time = end if frame.pts is None else frame.pts * (frame.time_base or Fraction(1))
        for part in resampler.resample(frame):
            values = part.to_ndarray()
            yield time, values
            time += Fraction(values.shape[1], stream.rate)
        end = time


def _frames(container: InputContainer, stream: AudioStream) -> Iterator[AudioFrame]:
    """Yield the frames that can be decoded: video may be intact where audio packets are not."""
    from av.error import FFmpegError

    whole = True
    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except FFmpegError:
            if whole:
                log.warning("the sound of %s is damaged: lost parts are silent", container.name)
            whole = False
            continue
        yield from frames


def _put(samples: np.ndarray, values: np.ndarray, place: int) -> None:
    """Write values into the samples at a position, which may be negative."""
    begin, end = max(0, place), max(0, place + values.shape[1])
    target = samples[:, begin:end]
    target[:] = values[:, begin - place :][:, : target.shape[1]]


class SoundTrack:
    """The AAC track of a file that is being written.

    Args:
        output: the track is added to it; nothing may have been written to it yet.
        sound: of the whole clip; anything beyond the last frame is dropped.
    """

    def __init__(self, output: OutputContainer, sound: Sound) -> None:
        rate = sound.rate if sound.rate in AAC_RATES else USUAL_RATE
        layout = LAYOUTS[len(sound.samples)]
        self._stream = output.add_stream("aac", rate=rate, layout=layout)
        self._stream.bit_rate = BIT_RATE * len(sound.samples)
        self._output, self._sound, self._written = output, sound, 0

    def write_until(self, seconds: Fraction) -> None:
        """Write the sound up to a time, so that the file interleaves sound and video."""
        end = min(math.ceil(seconds * self._sound.rate), self._sound.samples.shape[1])
        while self._written < end:
            samples = self._sound.samples[:, self._written : min(self._written + PIECE, end)]
            self._output.mux(self._stream.encode(self._frame(samples)))
            self._written += samples.shape[1]

    def finish(self) -> None:
        """Flush the encoder."""
        self._output.mux(self._stream.encode(None))

    def _frame(self, samples: torch.Tensor) -> AudioFrame:
        import av

        values = np.ascontiguousarray(samples.float().cpu().numpy())
        frame = av.AudioFrame.from_ndarray(values, format="fltp", layout=LAYOUTS[len(samples)])
        frame.sample_rate, frame.pts = self._sound.rate, self._written
        frame.time_base = Fraction(1, self._sound.rate)
        return frame


def resampled(samples: torch.Tensor, rate: int, new_rate: int) -> torch.Tensor:
    """Resample sound (channels, samples), float32, to another sample rate.

    The duration stays the same.
    """
    if rate == new_rate:
        return samples
    from av import AudioFrame, AudioResampler

    length = round(samples.shape[1] * new_rate / rate)
    rows: list[torch.Tensor] = []
    silence = max(0, rate // 20 - samples.shape[1])  # the filter yields nothing for too few samples
    for row in torch.nn.functional.pad(samples, (0, silence)):
        frame = AudioFrame.from_ndarray(row[None].contiguous().numpy(), "flt", "mono")
        frame.sample_rate = rate
        resampler = AudioResampler("flt", "mono", new_rate)
        parts = [*resampler.resample(frame), *resampler.resample(None)]
        made = torch.cat([torch.from_numpy(part.to_ndarray()[0]) for part in parts])
        rows.append(torch.nn.functional.pad(made, (0, max(0, length - len(made))))[:length])
    return torch.stack(rows)
