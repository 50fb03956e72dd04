"""What the nodes of the timeline share: clips made to fit, and the LATENT that comes of them."""

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
    """The VAE of a node that encodes what is given."""
    return io.Vae.Input(
        "vae", tooltip="Encodes what is given: the VAE that belongs to the model, from Load Models."
    )


def frames_input(what: str, default: int = 16) -> Any:
    """How many frames are made."""
    return io.Int.Input(
        "frames",
        default=default,
        min=1,
        max=LONGEST,
        tooltip=f"{what} Any number: what the VAE rounds up is cut off again.",
    )


def fps_of_clips() -> Any:
    """The frame rate of the clips, and of what is made."""
    return fps_input(
        "Frames per second of what is given, from Get Video Components, and of what is made. "
        "Fit Video changes a clip's rate."
    )


def context_input() -> Any:
    """How much of what is given the model sees."""
    return io.Int.Input(
        "context",
        default=9,
        min=1,
        max=LONGEST,
        **advanced(),
        tooltip="How many of the given frames the model sees beside those it makes: enough to "
        "tell how things move. All given frames are in the result, whatever this says.",
    )


def timeline_output(what: str = "The clip to make with what is given in it, for Sample.") -> Any:
    """The LATENT of a timeline."""
    return io.Latent.Output(display_name="LATENT", tooltip=what)


def clip_of(images: Tensor, vae: Any, size: Size | None = None, how: How = "crop") -> Tensor:
    """Frames (F, H, W, 3) whose sides the VAE and the patches take, untouched where they do.

    They are on the CPU, where timelines are put together, wherever the host keeps its pictures.

    Args:
        images: (F, H, W, 3 or more).
        vae: that will encode them.
        size: to bring them to; their own, cut to what fits, if None.
        how: crop, pad or stretch.
    """
    return _fitted(images[..., :3], None, vae, size, how)[0].cpu()


def mask_of(mask: Tensor, images: Tensor, vae: Any, size: Size | None = None) -> Tensor:
    """A MASK (F or 1, h, w) in the pixels of a clip's frames, cropped as ``clip_of`` crops them.

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
    """The LATENT of a timeline, with what is given encoded.

    Raises:
        ValueError: the clip does not fit the VAE or the machine.
    """
    form = host().models.vae_format(vae)
    seen = VideoShape(len(timeline.stretch), *timeline.shape[1:])
    if not timeline.loop:
        check_size(form, seen, patch=PATCH[1])
    return latent_of(timeline, partial(host().models.encode_video, vae), form.channels)


def timeline_of(latent: dict[str, Any], vae: Any) -> Timeline:
    """The timeline of a LATENT; of an empty one, a fresh timeline of its size.

    Raises:
        ValueError: the samples are not those of one clip, or not this VAE's.
    """
    known = known_timeline(latent)
    samples, form = latent["samples"], host().models.vae_format(vae)
    if samples.shape[1] != form.channels or (known and known.compression != form.compression):
        raise ValueError(
            f"a latent of {samples.shape[1]} channels, and a VAE of another model, with "
            f"{form.channels}: connect the VAE that belongs to the model, and an empty video for "
            "it (for Wan 2.2 5B, that of Wan22ImageToVideoLatent)"
        )
    if known is not None:
        return known
    if samples.ndim != 5 or len(samples) != 1:
        raise ValueError(
            f"a latent of shape {tuple(samples.shape)}: one video latent (1, channels, frames, "
            "rows, columns), such as from Empty Video, is needed"
        )
    loop = bool(latent.get("loop", False))
    shape = form.compression.video_shape(LatentShape(*samples.shape[2:]), loop=loop)
    fps = float(latent.get("fps", FPS))
    if loop:
        return Timeline(shape, fps, samples.shape[2], loop=True, compression=form.compression)
    return fresh(shape, fps, form.compression)


def known_timeline(latent: dict[str, Any]) -> Timeline | None:
    """The timeline that a LATENT carries, if it carries one.

    Raises:
        ValueError: the samples are a batch of several clips.
    """
    timeline, count = latent.get(TIMELINE_KEY), len(latent["samples"])
    if timeline is not None and count != 1:
        raise ValueError(
            f"a timeline of one clip, and a latent of {count}: take one of them (Latent From "
            "Batch), or make several with Branch, which gives a list"
        )
    return timeline


def audio_input(id: str = "audio", what: str = "The clip's sound") -> Any:
    """Sound that stays with what is given."""
    return io.Audio.Input(
        id, optional=True, tooltip=f"{what}, which stays in its place; what is made is silent."
    )


def sounding(timeline: Timeline, audio: Audio | None, start: int, frames: int) -> Timeline:
    """A timeline with the AUDIO of a clip that has so many frames and begins at ``start``.

    Raises:
        ValueError: the audio is a batch of several.
    """
    sound = to_sound(audio)
    if sound is None:
        return timeline
    piece = SoundPiece(sound, start, frames)
    return replace(timeline, sounds=(*timeline.sounds, piece))


def audio_of(timeline: Timeline) -> Audio | None:
    """The AUDIO of a whole result; None where nothing sounds."""
    return to_audio(mixed(timeline.sounds, timeline.shape.frames, timeline.fps))


def compression_of(vae: Any) -> Any:
    """How a VAE compresses time and space."""
    form: LatentFormat = host().models.vae_format(vae)
    return form.compression
