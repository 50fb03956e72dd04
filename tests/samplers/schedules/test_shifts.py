"""Shifts from size and length: published anchors, and the stretch to a terminal level."""

import math

import pytest
import torch

from spacetime_video.samplers.schedules.flow import flow_sigmas
from spacetime_video.samplers.schedules.shifts import (
    LTX_ANCHORS,
    area_shift,
    exponential_shift,
    length_shift,
    stretch_to_terminal,
)


def test_area_shift_grows_with_the_root_of_the_tokens():
    assert area_shift(4096, reference_tokens=1024, reference_shift=3.0) == 6.0
    assert area_shift(1024, reference_tokens=1024, reference_shift=3.0) == 3.0


def test_exponential_shift_at_its_anchors():
    assert exponential_shift(256) == pytest.approx(math.exp(0.5))
    assert exponential_shift(4096) == pytest.approx(math.exp(1.15))
    assert exponential_shift(2560, LTX_ANCHORS) == pytest.approx(math.exp(1.5))


def test_length_shift_of_an_image_and_of_a_clip():
    assert length_shift(4096, 1) == pytest.approx(3.0)
    assert length_shift(256, 9) == pytest.approx(3.0)
    assert length_shift(2176, 4) == pytest.approx(4.0)


@pytest.mark.parametrize("steps", [2, 5, 30])
def test_stretched_levels_end_above_zero_where_asked(steps):
    sigmas = flow_sigmas(steps, shift=4.0).double()
    stretched = stretch_to_terminal(sigmas, 0.1)
    assert stretched[0] == 1
    assert stretched[-1] == 0
    assert stretched[-2].item() == pytest.approx(0.1, abs=1e-12)
    ratio = (1 - stretched[1:-1]) / (1 - sigmas[1:-1])
    torch.testing.assert_close(ratio, ratio[:1].expand_as(ratio))


def test_a_single_step_is_not_stretched():
    sigmas = torch.tensor([1.0, 0.0])
    assert torch.equal(stretch_to_terminal(sigmas), sigmas)


@pytest.mark.parametrize(
    "call",
    [
        lambda: area_shift(0, reference_tokens=1, reference_shift=1),
        lambda: area_shift(1, reference_tokens=1, reference_shift=-1),
        lambda: exponential_shift(-3),
        lambda: length_shift(16, 0),
        lambda: stretch_to_terminal(torch.tensor([1.0, 0.5, 0.0]), 1.0),
    ],
)
def test_out_of_range(call):
    with pytest.raises(ValueError, match=r"above 0|between 0 and 1"):
        call()


@pytest.mark.parametrize("levels", [[14.6, 2.0, 0.0], [1.0, 0.9, 0.8]])
def test_only_whole_flow_schedules_are_stretched(levels):
    with pytest.raises(ValueError, match=r"levels from .*: only those of a flow model"):
        stretch_to_terminal(torch.tensor(levels))
