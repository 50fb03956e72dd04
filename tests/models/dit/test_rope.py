"""Rotary frequencies of a closed circle of time."""

import math

import torch

from spacetime_video.models.dit.rope import RopeConfig, close_circle, rotations

PERIOD = 8
TURN = 2 * math.pi / PERIOD


def test_frequencies_become_whole_turns_and_at_least_one() -> None:
    frequencies = torch.tensor([2.6, 1.0, 0.5, 0.3, 0.001], dtype=torch.float64) * TURN
    turns = close_circle(frequencies, PERIOD) / TURN
    torch.testing.assert_close(turns, torch.tensor([3, 1, 1, 1, 1], dtype=torch.float64))


def test_every_pair_tells_frames_of_a_circle_apart_and_closes_it() -> None:
    frames = torch.arange(PERIOD + 1.0)
    coordinates = torch.stack([frames, torch.zeros(9), torch.zeros(9)], dim=1)
    config = RopeConfig(head_dim=128)
    time = len(config.frequencies()[0])
    cos, sin = (each[:, :time] for each in rotations(coordinates, config, period=PERIOD))
    torch.testing.assert_close(cos[PERIOD], cos[0])
    torch.testing.assert_close(sin[PERIOD], sin[0], atol=1e-6, rtol=0)
    apart = ((cos[1] - cos[0]) ** 2 + (sin[1] - sin[0]) ** 2).sqrt()
    assert apart.min() >= 2 * math.sin(TURN / 2) - 1e-6
