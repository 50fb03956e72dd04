"""The sound of given frames, at their positions; generated frames are silent.

C channels, S samples.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import pad

from ..media.sound import Sound, resampled

SOFT_EDGE = 0.005
"""Seconds over which sound fades in and out next to silence, to avoid clicks."""


class SoundPiece(NamedTuple):
    """Sound on a timeline.

    Attributes:
        sound: the sound, played from its start.
        start: frame of the result at which it starts.
        frames: maximum duration in frames, for instance of a clip that was trimmed.
    """

    sound: Sound
    start: int
    frames: int


def mixed(pieces: Sequence[SoundPiece], frames: int, fps: float) -> Sound | None:
    """Mix all sound of a result; None if there is none.

    All pieces are converted to the highest sample rate and channel count among them; pieces with
    fewer channels play on the front channels.
    """
    if not pieces:
        return None
    rate = max(piece.sound.rate for piece in pieces)
    channels = max(len(piece.sound.samples) for piece in pieces)
    whole = torch.zeros(channels, _samples(frames, rate, fps))
    for piece in pieces:
        start = _samples(piece.start, rate, fps)
        room = min(_samples(piece.frames, rate, fps), whole.shape[1] - start)
        sound = resampled(piece.sound.samples.float(), piece.sound.rate, rate)[:, :room]
        end = start + sound.shape[1]
        edges = (start > 0, end < whole.shape[1])
        whole[:, start:end] = _softened(_in_front(sound, channels), round(SOFT_EDGE * rate), edges)
    return Sound(whole, rate)


def _samples(frames: int, rate: int, fps: float) -> int:
    return round(frames * rate / Fraction(fps).limit_denominator(1001))


def _in_front(sound: Tensor, channels: int) -> Tensor:
    """Expand sound to ``channels`` channels, with left and right first."""
    rows = sound.expand(min(channels, 2), -1) if len(sound) == 1 else sound
    return pad(rows, (0, 0, 0, channels - len(rows)))


def _softened(sound: Tensor, count: int, edges: tuple[bool, bool]) -> Tensor:
    """Fade the sound in and out; ``edges`` says whether its start and end are inside the result."""
    count = min(count, sound.shape[1] // 2)
    ramp = torch.linspace(0, 1, count + 2)[1:-1]
    gain = torch.ones(sound.shape[1])
    if edges[0]:
        gain[:count] = ramp
    if edges[1]:
        gain[len(gain) - count :] = ramp.flip(0)
    return sound * gain
