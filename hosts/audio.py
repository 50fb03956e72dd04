"""AUDIO sockets: the sound of a clip as the hosts' nodes hand it on."""

from collections.abc import Mapping
from typing import Any

from ..media import Sound

Audio = Mapping[str, Any]
"""``waveform`` (1, channels, samples) in [-1, 1], and ``sample_rate`` per second."""


def to_audio(sound: Sound | None) -> Audio | None:
    """AUDIO of a sound."""
    if sound is None:
        return None
    return {"waveform": sound.samples[None], "sample_rate": sound.rate}


def to_sound(audio: Audio | None) -> Sound | None:
    """Sound of an AUDIO.

    Raises:
        ValueError: it holds several clips, a number of channels that no file has, or samples that
            are not finite.
    """
    if audio is None:
        return None
    waveform = audio["waveform"]
    if waveform.ndim != 3 or len(waveform) != 1:
        raise ValueError(
            f"audio of shape {tuple(waveform.shape)}: use one clip, (1, channels, samples)"
        )
    return Sound(waveform[0], int(audio["sample_rate"]))
