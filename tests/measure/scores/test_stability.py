"""Drift, motion and loops, on videos whose drift, motion and wrap are known."""

import math

import pytest
import torch

from spacetime_video.measure.scores.signals import read_signals
from spacetime_video.measure.scores.stability import read_closure, read_drift, read_motion

FRAMES = 40


def turning(frames=FRAMES, turns=1.0):
    """A bright spot that goes round in a textured picture (F, 32, 32, 3)."""
    rows, columns = torch.arange(32.0)[:, None], torch.arange(32.0)
    picture = 0.4 + 0.1 * torch.sin(rows / 2) * torch.cos(columns / 3)
    angle = 2 * math.pi * turns * torch.arange(frames)[:, None, None] / frames
    away = ((rows - 16 - 8 * angle.sin()) ** 2 + (columns - 16 - 8 * angle.cos()) ** 2).sqrt()
    spot = (4 - away).clamp(0, 1)
    return (picture + 0.4 * spot)[..., None].expand(-1, -1, -1, 3)


def test_motion_alone_is_no_drift():
    assert read_drift(turning(turns=0.4)).passed


@pytest.mark.parametrize(
    ("change", "name", "size"),
    [
        (lambda video, t: video + 3 / 255 * t, "mean of red", 2.6),
        (lambda video, t: video * (1 + 0.1 * t), "mean of green", 8.7),
        (lambda video, t: (video - 0.4) * (1 + t) + 0.4, "deviation of blue", 4.7),
        (lambda video, t: video - 5 / 255 * t * torch.tensor([0.0, 0, 1]), "saturation", 4.3),
    ],
)
def test_drift_is_told_in_levels(change, name, size):
    video = turning(turns=0.0)
    drift = read_drift(change(video, torch.linspace(0, 1, FRAMES)[:, None, None, None]))
    assert not drift.passed
    assert drift.quiet[name] == pytest.approx(size, rel=0.2)


def test_lost_detail_is_drift():
    video = turning(turns=0.0).clone()
    video[20:] = video[20:].mean(dim=(1, 2), keepdim=True)
    assert read_drift(video).quiet["sharpness"] < -0.5


def test_motion_freezing_and_flicker():
    video = turning()
    lively = read_motion(video, read_signals(video))
    assert lively.frozen == 0
    assert lively.end_to_start == pytest.approx(1, abs=0.1)
    stopped = torch.cat([video[:24], video[23:24].expand(16, -1, -1, -1)])
    motion = read_motion(stopped, read_signals(stopped))
    assert motion.frozen == 16
    assert motion.end_to_start < 0.1
    flickering = video + 2 / 255 * (torch.arange(FRAMES) % 2)[:, None, None, None]
    assert lively.flicker < 0.1
    assert read_motion(flickering, read_signals(flickering)).flicker == pytest.approx(2, abs=0.1)


def test_whole_turns_close_and_others_do_not():
    whole = read_closure(read_signals(turning(), loop=True))
    assert whole.wrap.passed
    assert whole.step == pytest.approx(1, abs=0.1)
    assert whole.second_difference == pytest.approx(1, abs=0.3)
    open_ = read_closure(read_signals(turning(turns=0.8), loop=True))
    assert not open_.wrap.passed
    assert open_.step > 3


def test_a_loop_is_read_as_one():
    with pytest.raises(ValueError, match="read them with loop=True"):
        read_closure(read_signals(turning()))
