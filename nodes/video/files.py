"""Decode to Video File and Encode Video File: process long clips a few frames at a time."""

from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from typing import Any

from torch import Tensor

from ...hosts import host, io
from ...hosts.audio import Audio, to_audio, to_sound
from ...media import QUALITY, FrameStream, claimed_output, write_video
from ...media.fit import How, Size, fit_frames, fit_length
from ...media.rate import to_frame_rate
from ...models.latent_format import LatentFormat
from ...models.shapes import LatentShape
from ...models.vae.tiles import SMALLEST
from ...timeline import Timeline, assembled
from ..helpers.advanced import advanced
from ..helpers.search import search_words
from ..helpers.size_inputs import FPS
from ..helpers.sizes import steps_of
from ..helpers.timelines import audio_of, known_timeline
from .fit import form_inputs
from .video import check_latent

SMALLEST_TILE = 8 * SMALLEST
"""In pixels, for VAEs with 8 pixels per latent position."""

NAME = "spacetime/decoded"
"""Name of the files in the temporary folder."""


class SpacetimeDecodeToFile(io.ComfyNode):
    """Decode a latent to a video file, a few frames at a time."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeDecodeToFile",
            display_name="Decode to Video File",
            category="Spacetime/Video",
            description="Decodes a latent straight into a video file: a clip of any length needs "
            "memory for a few frames only. The given frames of a timeline are put back in place, "
            "as by Decode Timeline. Save Video keeps the file as it is.",
            **search_words(
                "vae decode", "latent to video", "long video", "out of memory", "tiled decode",
                "low vram",
            ),
            inputs=_decode_inputs(),
            outputs=[
                io.Video.Output(
                    display_name="VIDEO",
                    tooltip="The finished file, for Save Video, which copies it without encoding "
                    "it again.",
                )
            ],
            hidden=[io.Hidden.prompt, io.Hidden.extra_pnginfo],
        )  # fmt: skip

    @classmethod
    def validate_inputs(cls, tile: int | None = 0) -> bool | str:
        """Reject tiles too small to overlap, before anything is sampled."""
        if not tile or tile >= SMALLEST_TILE:
            return True
        return f"a tile of {tile} pixels is too small: use {SMALLEST_TILE} or more, or 0 for none"

    @classmethod
    def execute(
        cls,
        latent: dict[str, Any],
        vae: Any,
        crf: float = QUALITY,
        audio: Audio | None = None,
        tile: int = 0,
    ) -> io.NodeOutput:
        """Decode the samples while writing the file."""
        check_latent(latent["samples"], host().models.vae_format(vae))
        timeline = known_timeline(latent)
        if audio is None and timeline is not None:
            audio = audio_of(timeline)
        sound, frames = to_sound(audio), _decoded(latent, vae, tile, timeline)
        with claimed_output(host().files.temp_folder(), NAME, ".mp4") as file:
            write_video(
                file.unfinished,
                frames.chunks(),
                fps=float(latent.get("fps", FPS)),
                metadata=host().files.graph_metadata(cls.hidden),
                crf=crf,
                sound=sound,
            )
        return io.NodeOutput(host().files.video_of(file.path))


def _decode_inputs() -> list[Any]:
    return [
        io.Latent.Input(
            "latent",
            display_name="encoded video",
            tooltip="A video latent, from Sample or Unpatchify.",
        ),
        io.Vae.Input("vae", tooltip="The VAE that belongs to the model, from Load Models."),
        io.Float.Input(
            "crf",
            default=QUALITY,
            min=0.0,
            max=51.0,
            step=1.0,
            tooltip="Quality of the H.264 file: 0 is lossless, 18 looks like the source, 51 is the "
            "smallest file.",
        ),
        io.Audio.Input(
            "audio",
            optional=True,
            tooltip="Sound of the clip, cut off after the last frame. Without it, the timeline's "
            "own sound is used.",
        ),
        io.Int.Input(
            "tile",
            default=0,
            min=0,
            max=4096,
            step=64,
            optional=True,
            tooltip="Side of the decoded tiles in pixels: 512 if whole frames do not fit into "
            "memory, at least 256. 0 decodes whole frames, which is faster.",
            **advanced(),
        ),
    ]


def _decoded(latent: dict[str, Any], vae: Any, tile: int, timeline: Timeline | None) -> FrameStream:
    """The frames of the clip, or of several clips one after another."""
    samples = latent["samples"]
    clips = samples.split(1) if samples.ndim == 5 else [samples]
    how = {"loop": bool(latent.get("loop")), "tile": tile}
    streams = [host().models.decode_stream(vae, clip, **how) for clip in clips]
    shape = (sum(map(len, streams)), *streams[0].shape[1:])
    frames = FrameStream(shape, partial(_chained, streams))
    return frames if timeline is None else assembled(timeline, frames)


def _chained(streams: list[FrameStream]) -> Iterator[Tensor]:
    for stream in streams:
        yield from stream.chunks()


class SpacetimeEncodeFile(io.ComfyNode):
    """Encode a video file to a latent, a few frames at a time."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Describe the node."""
        return io.Schema(
            node_id="SpacetimeEncodeFile",
            display_name="Encode Video File",
            category="Spacetime/Video",
            description="Encodes a video file straight into a latent, at a size and frame rate "
            "that the model takes: a clip of any length needs memory for a few frames only.",
            **search_words(
                "vae encode", "video to latent", "load video", "long video", "resize video",
                "force rate", "out of memory",
            ),
            inputs=_encode_inputs(),
            outputs=[
                io.Latent.Output(
                    display_name="LATENT", tooltip="The encoded clip, for Sample or Patchify."
                ),
                io.Float.Output(display_name="fps", tooltip="Frames per second of the result."),
                io.Audio.Output(
                    display_name="AUDIO",
                    tooltip="The sound of the same section, for Decode to Video File; empty if the "
                    "file has no sound.",
                ),
            ],
        )  # fmt: skip

    @classmethod
    def execute(
        cls,
        video: Any,
        vae: Any,
        width: int = 0,
        height: int = 0,
        frames: int = 0,
        how: How = "crop",
        fps: float = 0.0,
        start: float = 0.0,
    ) -> io.NodeOutput:
        """Read, fit and encode a few frames at a time."""
        clip, latent = host().files.clip_of(video), host().models.vae_format(vae)
        form, steps = clip.form(), steps_of(latent)
        rate = to_frame_rate(fps) if fps else form.fps
        size = steps.sides(Size(form.height, form.width), Size(height, width), how)
        sized = fit_frames(clip.frames(rate, start), size, how, scaled=bool(width or height))
        length = steps.length(frames) if frames else None
        expected = length or steps.length(round((form.frames / form.fps - Fraction(start)) * rate))
        sound = clip.sound(start, float(expected / rate))  # first, because it may be rejected
        parts = fit_length(sized, steps, length)
        samples = host().models.encode_stream(vae, parts, expected)
        if sound is not None:  # a damaged file has fewer frames than it declares
            sound = sound.shortened(_length(samples, latent) / rate)
        encoded = {"samples": samples, "fps": float(rate)}
        return io.NodeOutput(encoded, encoded["fps"], to_audio(sound))


def _encode_inputs() -> list[Any]:
    return [
        io.Video.Input("video", tooltip="The video, from Load Video."),
        io.Vae.Input("vae", tooltip="The VAE that belongs to the model, from Load Models."),
        *form_inputs(),
        io.Float.Input(
            "fps",
            default=0.0,
            min=0.0,
            max=1000.0,
            step=0.01,
            tooltip="Frames per second of the result: frames are dropped or repeated to keep the "
            "duration. 0 keeps the video's rate.",
        ),
        io.Float.Input(
            "start",
            default=0.0,
            min=0.0,
            max=1_000_000.0,
            step=0.01,
            tooltip="Seconds to skip at the beginning of the video.",
        ),
    ]


def _length(samples: Tensor, latent: LatentFormat) -> int:
    """Number of frames of an encoded clip; for an image VAE, the batch size."""
    if samples.ndim == 4:
        return len(samples)
    return latent.compression.video_shape(LatentShape(*samples.shape[2:])).frames


NODES: list[type[Any]] = [SpacetimeDecodeToFile, SpacetimeEncodeFile]
