"""Joins: what goes on passes, what stops, jumps or turns back does not, and phases count."""

import pytest
import torch

from spacetime_video.measure.scores.joins import Join, given_frames, judge_joins
from spacetime_video.measure.scores.signals import Signals, read_signals

FRAMES, JOIN = 33, 17


def clip(places):
    """A soft disc that is at some column of a textured picture in each frame (F, 32, 72, 3)."""
    rows, columns = torch.arange(32.0)[:, None], torch.arange(72.0)
    picture = 0.4 + 0.1 * torch.sin(rows / 3) * torch.cos(columns / 4)
    noise = torch.randn(len(places), 32, 72, generator=torch.Generator().manual_seed(0)) / 255
    away = ((rows - 16) ** 2 + (columns - torch.as_tensor(places)[:, None, None]) ** 2).sqrt()
    disc = (6 - away).clamp(0, 1)
    return ((1 - disc) * picture + disc * 0.9 + noise)[..., None].expand(-1, -1, -1, 3)


def followed(places):
    centres = torch.stack([torch.as_tensor(places), torch.full((len(places),), 16.0)], dim=1)
    return read_signals(clip(places), place=centres)


GOING = [10 + 1.1 * frame for frame in range(FRAMES + 9)]
BEFORE = GOING[:JOIN]
SPOILED = {
    "jump": (BEFORE + GOING[JOIN + 8 : FRAMES + 8], {"step", "moving step", "position"}),
    "freeze": (BEFORE + GOING[JOIN - 1 : JOIN] * 16, {"moving step", "velocity"}),
    "duplicate": (BEFORE + GOING[JOIN - 1 : FRAMES - 1], {"moving step"}),
    "ping-pong": (BEFORE + GOING[JOIN - 2 :: -1], {"correlation", "position", "velocity"}),
}


def judged(places, reference=None):
    given = given_frames([Join(JOIN)], FRAMES)
    (score,) = judge_joins(followed(places), [JOIN], given, reference)
    return score


def test_what_goes_on_passes():
    score = judged(GOING[:FRAMES])
    assert score.passed
    assert len(score.deviations) == 8


@pytest.mark.parametrize("name", SPOILED)
def test_what_does_not_go_on_fails(name):
    places, meters = SPOILED[name]
    assert meters <= set(judged(places).failed)


def test_only_given_parts_are_compared_with():
    wild = BEFORE + [GOING[JOIN] + 9 * (frame % 2) for frame in range(FRAMES - JOIN)]
    early = judged(wild).deviations["step"]
    everything = torch.ones(FRAMES, dtype=torch.bool)
    (widened,) = judge_joins(followed(wild), [JOIN + 1], everything)
    assert abs(widened.deviations["step"]) < 3
    (told,) = judge_joins(followed(wild), [JOIN + 1], given_frames([Join(JOIN)], FRAMES))
    assert told.deviations["step"] > 10 * abs(early)


def test_given_parts_may_be_measured_elsewhere():
    true = followed(GOING[:FRAMES])
    places, _ = SPOILED["freeze"]
    given = given_frames([Join(JOIN, given_before=False)], FRAMES)
    frozen = followed([*reversed(places)])
    (own,) = judge_joins(frozen, [JOIN - 1], given)
    (other,) = judge_joins(frozen, [JOIN - 1], given, true)
    assert own.deviations["moving step"] != other.deviations["moving step"]


def signals(steps):
    steps = torch.tensor(steps)
    flat = torch.full_like(steps, 5.0)
    return Signals(steps, flat.clone(), 10 * steps, 0 * flat)


def test_steps_are_compared_with_those_of_their_phase():
    rhythm = [1.0, 4.0, 1.0, 1.0] * 9
    given = given_frames([Join(JOIN)], len(rhythm))
    (score,) = judge_joins(signals(rhythm), [JOIN], given)
    assert abs(score.deviations["step in phase"]) < 1e-3
    (shifted,) = judge_joins(signals(rhythm), [JOIN], given, factor=1)
    assert shifted.deviations["step in phase"] > 1
    (late,) = judge_joins(signals(rhythm[:16] + rhythm[3:23]), [JOIN], given)
    assert late.deviations["step in phase"] < -3


def test_an_animated_image_is_compared_with_what_follows():
    (score,) = judge_joins(signals([float("nan"), *[2.0] * 16]), [1], given_frames([Join(1)], 17))
    assert score.deviations["step"] == 0
    assert not {"position", "velocity"} & score.deviations.keys()


def test_a_lost_object_fails():
    centres = torch.stack([torch.tensor(GOING[:FRAMES]), torch.full((FRAMES,), 16.0)], dim=1)
    centres[JOIN:] = torch.nan
    lost = read_signals(clip(GOING[:FRAMES]), place=centres)
    (score,) = judge_joins(lost, [JOIN], given_frames([Join(JOIN)], FRAMES))
    assert {"position", "velocity"} <= set(score.failed)


def test_given_parts_follow_from_joins():
    given = given_frames([Join(2), Join(5, given_before=False)], 7)
    assert given.tolist() == [True, True, False, False, False, True, True]
    assert given_frames([Join(2, given_before=False)], 3).tolist() == [False, False, True]
    assert not given_frames([], 3).any()


@pytest.mark.parametrize(
    ("joins", "told"),
    [
        ([Join(0)], "joins at the frames 0 of 9"),
        ([Join(9)], "from 1 to 8"),
        ([Join(4), Join(4, given_before=False)], "in ascending order"),
        ([Join(2), Join(5)], "frame 2 to 4 is marked as both given and generated"),
    ],
)
def test_wrong_joins_are_refused(joins, told):
    with pytest.raises(ValueError, match=told):
        given_frames(joins, 9)


def test_wrong_videos_are_refused():
    with pytest.raises(ValueError, match="at least 3 frames"):
        read_signals(torch.zeros(2, 8, 8, 3))
    with pytest.raises(ValueError, match=r"places of shape \(3, 2\) for 4 frames"):
        read_signals(torch.zeros(4, 8, 8, 3), place=torch.zeros(3, 2))
    with pytest.raises(ValueError, match="2 marks of given frames for 33"):
        judge_joins(followed(GOING[:FRAMES]), [3], torch.ones(2, dtype=torch.bool))
