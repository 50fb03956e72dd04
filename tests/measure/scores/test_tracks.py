"""The distance from a track: root mean square, and infinite for what is hardly seen."""

import math

import pytest
import torch

from spacetime_video.measure.scores.tracks import off_track

TRACK = torch.stack([torch.arange(20.0), torch.full((20,), 7.0)], dim=1)


def test_distance_is_the_root_of_the_mean_square():
    assert off_track(TRACK, TRACK) == 0
    assert off_track(TRACK + torch.tensor([3.0, 4.0]), TRACK) == pytest.approx(5)
    late = TRACK.clone()
    late[:5, 0] += 2
    assert off_track(late, TRACK) == pytest.approx(1)


def test_what_is_hardly_seen_is_nowhere():
    place = TRACK.clone()
    place[:2] = math.nan
    assert off_track(place, TRACK) == 0
    place[:3] = math.nan
    assert off_track(place, TRACK) == math.inf
