"""Scales by noise level, by step and by frame."""

import pytest
import torch

from spacetime_video.samplers.guidance import cfg
from spacetime_video.samplers.scales import at, over_frames, over_steps, progress, within
from spacetime_video.samplers.schedules import flow_sigmas

SIGMAS = flow_sigmas(5, shift=3.0)


def test_progress_counts_steps():
    shares = [progress(SIGMAS, level) for level in SIGMAS[:-1].tolist()]
    assert shares == pytest.approx([0, 0.25, 0.5, 0.75, 1])
    middle = (SIGMAS[1] + SIGMAS[2]).item() / 2
    assert progress(SIGMAS, middle) == pytest.approx(0.375)
    assert progress(SIGMAS, 2.0) == 0
    assert progress(SIGMAS, 0.0) == 1
    assert progress(torch.tensor([1.0, 0.0]), 1.0) == 0


def test_a_scale_over_the_steps(start):
    scale = over_steps(6.0, 2.0, SIGMAS)
    values = [at(scale, start, level) for level in SIGMAS[:-1].tolist()]
    assert values == pytest.approx([6, 5, 4, 3, 2])


@pytest.mark.parametrize(
    ("low", "high", "evaluated"), [(0.0, 1.0, 5), (0.5, 1.0, 3), (0.0, 0.5, 3), (0.7, 0.8, 1)]
)
def test_an_interval_saves_evaluations(low, high, evaluated, start):
    asked = []

    def predict(x, sigma, conditions, **extra):
        asked.append(len(conditions))
        return [x] * len(conditions)

    guided = cfg(predict, "a", "b", within(4.0, low, high))
    levels = [1.0, 0.75, 0.5, 0.25, 0.1]
    for level in levels:
        guided(start, torch.full((2,), level))
    inside = [2 if low <= level <= high else 1 for level in levels]
    assert asked == inside
    assert asked.count(2) == evaluated


def test_a_scale_over_the_frames(start):
    scale = at(over_frames(1.0, 2.5), start, 0.5)
    assert scale.shape == (1, 1, 6, 1, 1)
    assert scale.flatten().tolist() == pytest.approx([1, 1.3, 1.6, 1.9, 2.2, 2.5])


def test_a_scale_over_the_frames_of_both_ends():
    x = torch.zeros(1, 2, 5, 1, 1)
    scale = at(over_frames(1.0, 3.0, both_ends=True), x, 0.5)
    assert scale.flatten().tolist() == pytest.approx([1, 2, 3, 2, 1])


def test_frames_and_steps_together(start):
    scale = at(over_frames(1.0, over_steps(6.0, 2.0, SIGMAS)), start, SIGMAS[2].item())
    assert scale.flatten()[-1].item() == pytest.approx(4.0)
    assert scale.flatten()[0].item() == 1


def test_the_first_frame_of_svd_is_not_guided(start):
    def predict(x, sigma, conditions, **extra):
        return [x + len(condition) for condition in conditions]

    made = cfg(predict, "abc", "", over_frames(1.0, 2.5))(start, torch.full((2,), 0.5))
    torch.testing.assert_close(made[:, :, 0], start[:, :, 0] + 3)
    torch.testing.assert_close(made[:, :, 5], start[:, :, 5] + 7.5, rtol=0, atol=1e-6)


def test_frames_that_all_have_scale_one_evaluate_once(start):
    asked = []

    def predict(x, sigma, conditions, **extra):
        asked.append(len(conditions))
        return [x] * len(conditions)

    cfg(predict, "a", "b", over_frames(1.0, 1.0))(start, torch.full((2,), 0.5))
    assert asked == [1]
