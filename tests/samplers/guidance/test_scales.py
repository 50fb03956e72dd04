"""Scales by noise level, by step and by frame."""

import pytest
import torch

from spacetime_video.samplers.guidance.cfg import cfg
from spacetime_video.samplers.guidance.scales import over_frames, over_steps, value_of, within
from spacetime_video.samplers.runs import Evaluation, SamplingRun
from spacetime_video.samplers.schedules.flow import flow_sigmas

SIGMAS = flow_sigmas(5, shift=3.0)


def at(level):
    return Evaluation(SamplingRun(SIGMAS), torch.full((2,), level))


def test_a_scale_over_the_steps(start):
    scale = over_steps(6.0, 2.0)
    values = [value_of(scale, start, at(level)) for level in SIGMAS[:-1].tolist()]
    assert values == pytest.approx([6, 5, 4, 3, 2])


@pytest.mark.parametrize(
    ("low", "high", "evaluated"), [(0.0, 1.0, 5), (0.5, 1.0, 3), (0.0, 0.5, 3), (0.7, 0.8, 1)]
)
def test_an_interval_saves_evaluations(low, high, evaluated, start):
    asked = []

    def predict(x, at, conditions):
        asked.append(len(conditions))
        return [x] * len(conditions)

    guided = cfg(predict, "a", "b", within(4.0, low, high))
    levels = [1.0, 0.75, 0.5, 0.25, 0.1]
    for level in levels:
        guided(start, at(level))
    inside = [2 if low <= level <= high else 1 for level in levels]
    assert asked == inside
    assert asked.count(2) == evaluated


def test_a_scale_over_the_frames(start):
    scale = value_of(over_frames(1.0, 2.5), start, at(0.5))
    assert scale.shape == (1, 1, 6, 1, 1)
    assert scale.flatten().tolist() == pytest.approx([1, 1.3, 1.6, 1.9, 2.2, 2.5])


def test_a_scale_over_the_frames_of_both_ends():
    x = torch.zeros(1, 2, 5, 1, 1)
    scale = value_of(over_frames(1.0, 3.0, both_ends=True), x, at(0.5))
    assert scale.flatten().tolist() == pytest.approx([1, 2, 3, 2, 1])


def test_frames_and_steps_together(start):
    scale = value_of(over_frames(1.0, over_steps(6.0, 2.0)), start, at(SIGMAS[2].item()))
    assert scale.flatten()[-1].item() == pytest.approx(4.0)
    assert scale.flatten()[0].item() == 1


def test_the_first_frame_of_svd_is_not_guided(start):
    def predict(x, at, conditions):
        return [x + len(condition) for condition in conditions]

    made = cfg(predict, "abc", "", over_frames(1.0, 2.5))(start, at(0.5))
    torch.testing.assert_close(made[:, :, 0], start[:, :, 0] + 3)
    torch.testing.assert_close(made[:, :, 5], start[:, :, 5] + 7.5, rtol=0, atol=1e-6)


def test_frames_that_all_have_scale_one_evaluate_once(start):
    asked = []

    def predict(x, at, conditions):
        asked.append(len(conditions))
        return [x] * len(conditions)

    cfg(predict, "a", "b", over_frames(1.0, 1.0))(start, at(0.5))
    assert asked == [1]
