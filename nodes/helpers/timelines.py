"""Helpers shared by the timeline nodes: fit clips and build the LATENT from them."""

from dataclasses import replace
from functools import partial
from typing import Any

from torch import Tensor

from ...hosts import host, io
from ...hosts.audio import Audio, to_audio, to_sound
from ...media.fit import How, Size, fit_clip
from ...models.latent_format import LatentFormat
from ...models.patchify import PATCH
from ...models.shapes import LatentShape, VideoShape
from ...timeline import TIMELINE_KEY, Timeline, latent_of
from ...timeline.plans import fresh
from ...timeline.sound import SoundPiece, mixed
from .advanced import advanced
from .size_inputs import FPS, fps_input
from .sizes import check_size, steps_of

LONGEST = 8193


def vae_input() -> Any:
    """Input for the VAE that encodes the given frames."""
    return io.Vae.Input(
        "vae",
        tooltip="Encodes the given frames: the VAE that belongs to the model, from Load Models.",
    )


def frames_input(what: str, default: int = 16) -> Any:
    """Input for the number of frames to generate."""
    return io.Int.Input(
        "frames",
        default=default,
        min=1,
        max=LONGEST,
        tooltip=f"{what} Any number: frames added to suit the VAE are cut off again.",
    )


def fps_of_clips() -> Any:
    """Input for the frame rate of the given and generated frames."""
    return fps_input(
        "Frames per second of the given clip, from Get Video Components, and of the generated "
        "frames. Fit Video changes a clip's rate."
    )


def context_input() -> Any:
    """Input for the number of given frames that the model sees."""
    return io.Int.Input(
        "context",
        default=9,
        min=1,
        max=LONGEST,
        **advanced(),
        tooltip="How many of the given frames the model sees in addition to those it generates: "
        "enough to show how things move. The result contains all given frames, whatever this value "
        "is.",
    )


def timeline_output(
    what: str = "The clip to generate, with the given parts in it, for Sample.",
) -> Any:
    """Output for the LATENT of a timeline."""
    return io.Latent.Output(display_name="LATENT", tooltip=what)


def clip_of(images: Tensor, vae: Any, size: Size | None = None, how: How = "crop") -> Tensor:
    """Fit frames to (F, H, W, 3) with sides that the VAE and the patches take.

    Frames that fit already are unchanged. The result is on the CPU, where timelines are assembled,
    wherever the host keeps its images.

    Args:
        images: (F, H, W, 3 or more).
        vae: that will encode them.
        size: target size; None keeps their own, cropped to fit.
        how: crop, pad or stretch.
    """
    return _fitted(images[..., :3], None, vae, size, how)[0].cpu()


def mask_of(mask: Tensor, images: Tensor, vae: Any, size: Size | None = None) -> Tensor:
    """A MASK (F or 1, h, w) in the pixels of a clip's frames, cropped as in ``clip_of``.

    Raises:
        ValueError: the mask has another number of frames.
    """
    still = images[:1] if len(mask) == 1 else images
    return _fitted(still, mask, vae, size, "crop")[1].clamp(0, 1).cpu()


def _fitted(
    images: Tensor, mask: Tensor | None, vae: Any, size: Size | None, how: How
) -> tuple[Tensor, Tensor]:
    steps = steps_of(host().models.vae_format(vae))
    sides = steps.sides(Size(*images.shape[1:3]), size or Size(0, 0), how)
    frames = range(len(images))
    return fit_clip(images, mask, frames, len(images), sides, how, scaled=size is not None)


def to_latent(timeline: Timeline, vae: Any) -> dict[str, Any]:
    """The LATENT of a timeline, with the given frames encoded.

    Raises:
        ValueError: the clip does not fit the VAE or the machine.
    """
    form = host().models.vae_format(vae)
    seen = VideoShape(len(timeline.stretch), *timeline.shape[1:])
    if not timeline.loop:
        check_size(form, seen, patch=PATCH[1])
    return latent_of(timeline, partial(host().models.encode_video, vae), form.channels)


def timeline_of(latent: dict[str, Any], vae: Any) -> Timeline:
    """The timeline of a LATENT; for an empty one, a fresh timeline of its size.

    Raises:
        ValueError: the samples are not those of one clip, or not this VAE's.
    """
    known = known_timeline(latent)
    samples, form = latent["samples"], host().models.vae_format(vae)
    if samples.shape[1] != form.channels or (known and known.compression != form.compression):
        raise ValueError(
            f"the latent has {samples.shape[1]} channels, but the VAE is another model's, with "
            f"{form.channels}: connect the VAE that belongs to the model, and an empty video for "
            "it (for Wan 2.2 5B, from Wan22ImageToVideoLatent)"
        )
    if known is not None:
        return known
    if samples.ndim != 5 or len(samples) != 1:
        raise ValueError(
            "expected one video latent (1, channels, frames, rows, columns), such as from Empty "
            f"Video, got one of shape {tuple(samples.shape)}"
        )
    loop = bool(latent.get("loop", False))
    shape = form.compression.video_shape(LatentShape(*samples.shape[2:]), loop=loop)
    fps = float(latent.get("fps", FPS))
    if loop:
        return Timeline(shape, fps, samples.shape[2], loop=True, compression=form.compression)
    return fresh(shape, fps, form.compression)


def known_timeline(latent: dict[str, Any]) -> Timeline | None:
    """The timeline that a LATENT carries, if any.

    Raises:
        ValueError: the samples are a batch of several clips.
    """
    timeline, count = latent.get(TIMELINE_KEY), len(latent["samples"])
    if timeline is not None and count != 1:
        raise ValueError(
            f"the timeline is for one clip, but the latent holds {count}: select one of them "
            "(Latent From Batch), or use Branch, which generates several as a list"
        )
    return timeline


def audio_input(id: str = "audio", what: str = "The clip's sound") -> Any:
    """Input for the sound of a given clip."""
    return io.Audio.Input(
        id, optional=True, tooltip=f"{what}, which stays in place; generated frames are silent."
    )


def sounding(timeline: Timeline, audio: Audio | None, start: int, frames: int) -> Timeline:
    """Add the AUDIO of a clip of ``frames`` frames that begins at ``start`` to a timeline.

    Raises:
        ValueError: the audio is a batch of several.
    """
    sound = to_sound(audio)
    if sound is None:
        return timeline
    piece = SoundPiece(sound, start, frames)
    return replace(timeline, sounds=(*timeline.sounds, piece))


def audio_of(timeline: Timeline) -> Audio | None:
    """The AUDIO of a whole result; None if there is no sound."""
    return to_audio(mixed(timeline.sounds, timeline.shape.frames, timeline.fps))


def compression_of(vae: Any) -> Any:
    """How a VAE compresses time and space."""
    form: LatentFormat = host().models.vae_format(vae)
    return form.compression
