"""The sound of what is given, in its place; what is made is silent.

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
"""Seconds in which sound comes and goes where it meets silence, so that nothing clicks."""


class SoundPiece(NamedTuple):
    """Sound on a timeline.

    Attributes:
        sound: from its beginning.
        start: the frame of the result that it begins with.
        frames: how long it lasts at most, as that of a clip from which frames were taken off.
    """

    sound: Sound
    start: int
    frames: int


def mixed(pieces: Sequence[SoundPiece], frames: int, fps: float) -> Sound | None:
    """All sound of a result as one; None where there is none.

    Pieces of other rates and channels are brought to the highest of all; what has fewer channels
    is heard in front.
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
    """Sound with so many channels, of which left and right come first."""
    rows = sound.expand(min(channels, 2), -1) if len(sound) == 1 else sound
    return pad(rows, (0, 0, 0, channels - len(rows)))


def _softened(sound: Tensor, count: int, edges: tuple[bool, bool]) -> Tensor:
    """The sound with a ramp at its beginning and at its end, where it is not the result's."""
    count = min(count, sound.shape[1] // 2)
    ramp = torch.linspace(0, 1, count + 2)[1:-1]
    gain = torch.ones(sound.shape[1])
    if edges[0]:
        gain[:count] = ramp
    if edges[1]:
        gain[len(gain) - count :] = ramp.flip(0)
    return sound * gain
