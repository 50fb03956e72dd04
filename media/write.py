"""Write streams of frames as MP4 files, with the same bytes for the same frames."""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from .colour import to_yuv420
from .files import replacing
from .pixels import BYTE_MAX, on_levels
from .rate import to_frame_rate
from .sound import Sound, SoundTrack

if TYPE_CHECKING:
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

QUALITY = 18.0
"""Constant quality (crf) of x264 that looks like the source. ComfyUI uses x264's default, 23."""

# The encoder's result depends on its thread count, so the count is fixed.
ENCODER_THREADS = 4
# x264's macroblock tree reads uninitialised memory: short clips would differ from run to run.
MACROBLOCK_TREE = "0"
FORMATS = {8: "yuv420p", 10: "yuv420p10le"}
DEEP_MAX = 65535
# Numbers of H.273 (ITU-T): primaries, transfer and matrix of BT.709, and "TV" range 16..235.
BT709 = 1
TV_RANGE = 1


@dataclass(frozen=True)
class WrittenVideo:
    """Result of `write_video`; `width` and `height` include padding."""

    path: Path
    frames: int
    width: int
    height: int


def write_video(
    path: str | os.PathLike[str],
    frames: Iterable[torch.Tensor],
    *,
    fps: Fraction | float,
    metadata: Mapping[str, str] | None = None,
    crf: float = QUALITY,
    bit_depth: int = 8,
    sound: Sound | None = None,
) -> WrittenVideo:
    """Encode frames as they arrive into an H.264 MP4 that appears only once complete.

    The file contains no timestamps of its creation and nothing else that changes between runs.
    H.264 with halved chroma needs even sides: odd ones are padded by repeating the last row or
    column. Colour is BT.709 in TV range and tagged so.

    Args:
        path: output file; an existing file is replaced, missing folders are created.
        frames: tensors `(F, H, W, 3)` or `(H, W, 3)` in [0, 1] (clamped), all of one size.
        fps: frames per second.
        metadata: tags, e.g. `prompt` and `workflow` holding JSON.
        crf: x264's constant quality, 0 (lossless) to 51; 18 looks like the source.
        bit_depth: 8, or 10 for smoother gradients, which not every player supports.
        sound: of the clip, written as AAC; it is cut at the last frame.

    Raises:
        ValueError: no frames, sizes that differ, values that are not finite, or bad options.
            No file is left behind.
    """
    import av

    rate = to_frame_rate(fps)
    if not 0 <= crf <= 51:
        raise ValueError(f"crf={crf}: use 0 (lossless) to 51 (worst)")
    if bit_depth not in FORMATS:
        raise ValueError(f"a bit depth of {bit_depth}: use {' or '.join(map(str, FORMATS))}")
    pictures = _even_pictures(frames, BYTE_MAX if bit_depth == min(FORMATS) else DEEP_MAX)
    first = next(pictures, None)
    if first is None:
        raise ValueError("there are no frames to write: at least one is needed")
    height, width, _ = first.shape
    with replacing(path) as unfinished:
        # `prompt` and `workflow` are not standard MP4 tags; without this flag they are dropped.
        options = {"movflags": "use_metadata_tags"}
        with av.open(str(unfinished), "w", format="mp4", container_options=options) as output:
            output.metadata.update(metadata or {})
            quality = {"crf": f"{crf:g}", "mbtree": MACROBLOCK_TREE}
            stream = output.add_stream("libx264", rate=rate, options=quality)
            _describe(stream, width, height, bit_depth)
            track = SoundTrack(output, sound) if sound and sound.samples.numel() else None
            count = 0
            for picture in _chain(first, pictures):
                output.mux(stream.encode(_encodable(picture, count, bit_depth)))
                count += 1
                if track is not None:
                    track.write_until(count / rate)
            output.mux(stream.encode(None))
            if track is not None:
                track.finish()
    return WrittenVideo(Path(path), count, width, height)


def _describe(stream: "VideoStream", width: int, height: int, bit_depth: int) -> None:
    stream.width, stream.height, stream.pix_fmt = width, height, FORMATS[bit_depth]
    codec = stream.codec_context
    codec.thread_count = ENCODER_THREADS
    codec.color_primaries = codec.color_trc = codec.colorspace = BT709
    codec.color_range = TV_RANGE


def _encodable(picture: np.ndarray, index: int, bit_depth: int) -> "VideoFrame":
    import av

    height, width, _ = picture.shape
    frame = av.VideoFrame(width, height, FORMATS[bit_depth])
    for plane, values in zip(frame.planes, to_yuv420(picture, bits=bit_depth), strict=True):
        rows = np.zeros((plane.height, plane.line_size // values.itemsize), values.dtype)
        rows[:, : plane.width] = values
        plane.update(rows.tobytes())
    frame.pts = index
    return frame


def _chain(first: np.ndarray, rest: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    yield first
    yield from rest


def _even_pictures(frames: Iterable[torch.Tensor], highest: int) -> Iterator[np.ndarray]:
    """Yield RGB frames `(H, W, 3)` in [0, 1] with even sides, checking that all have one size."""
    size = None
    for tensor in frames:
        for frame in tensor if tensor.ndim == 4 else [tensor]:
            size = size or frame.shape
            if frame.ndim != 3 or frame.shape[-1] != 3 or 0 in frame.shape:
                raise ValueError(f"a frame of shape {tuple(frame.shape)}: use (H, W, 3)")
            if frame.shape != size:
                raise ValueError(
                    f"a frame of {tuple(frame.shape)} after frames of {tuple(size)}: all frames "
                    "of a video must have one size"
                )
            height, width, _ = frame.shape
            odd = ((0, height % 2), (0, width % 2), (0, 0))
            yield np.pad(on_levels(frame, highest), odd, mode="edge")
