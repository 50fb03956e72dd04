"""The sound of a result, put together from pieces of any rates and channels."""

import torch

from spacetime_video.media.sound import Sound
from spacetime_video.timeline.sound import SoundPiece, mixed


def piece(channels, start, rate=8000):
    return SoundPiece(Sound(torch.ones(channels, rate), rate), start, 8)


def test_fewer_channels_go_to_the_front_ones():
    pieces = [piece(1, 0), piece(2, 8), piece(6, 16, 16000)]
    sound = mixed(pieces, 24, 8.0)
    assert (tuple(sound.samples.shape), sound.rate) == ((6, 48000), 16000)
    heard = sound.samples.unflatten(1, (3, 16000))[..., 1000:-1000].mean(-1)
    assert (heard > 0.9).T.tolist() == [[True] * 2 + [False] * 4] * 2 + [[True] * 6]
    stereo = mixed([piece(1, 0), piece(2, 8)], 16, 8.0)
    assert float(stereo.samples[:, 1000:7000].min()) == 1
