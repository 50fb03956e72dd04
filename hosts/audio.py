"""AUDIO: the sound of a clip as the hosts' nodes pass it on."""

from collections.abc import Mapping
from typing import Any

from ..media import Sound

Audio = Mapping[str, Any]
"""``waveform`` (1, channels, samples) in [-1, 1], and ``sample_rate`` per second."""


def to_audio(sound: Sound | None) -> Audio | None:
    """Convert a sound to AUDIO."""
    if sound is None:
        return None
    return {"waveform": sound.samples[None], "sample_rate": sound.rate}


def to_sound(audio: Audio | None) -> Sound | None:
    """Convert AUDIO to a sound.

    Raises:
        ValueError: it holds several clips, an unsupported number of channels, or samples that are
            not finite.
    """
    if audio is None:
        return None
    waveform = audio["waveform"]
    if waveform.ndim != 3 or len(waveform) != 1:
        raise ValueError(
            f"got audio of shape {tuple(waveform.shape)}: use one clip, (1, channels, samples)"
        )
    return Sound(waveform[0], int(audio["sample_rate"]))
