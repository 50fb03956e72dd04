"""Exponential, Karras, beta, linear-quadratic and listed levels."""

import math

import pytest
import torch

from spacetime_video.samplers.schedules.beta import beta_distribution, beta_quantile
from spacetime_video.samplers.schedules.flow import flow_sigmas
from spacetime_video.samplers.schedules.spacings import (
    beta_sigmas,
    exponential_sigmas,
    karras_sigmas,
    linear_quadratic_sigmas,
    listed_sigmas,
)

SPACINGS = {
    "exponential": lambda n: exponential_sigmas(n, sigma_min=0.03, sigma_max=1.0),
    "karras": lambda n: karras_sigmas(n, sigma_min=0.002, sigma_max=1.0),
    "beta": lambda n: beta_sigmas(n, shift=3.0),
    "linear_quadratic": linear_quadratic_sigmas,
}
EVERY_SPACING = pytest.mark.parametrize("sigmas_for", SPACINGS.values(), ids=SPACINGS)


@EVERY_SPACING
@pytest.mark.parametrize("steps", [1, 2, 3, 8, 31])
def test_falls_from_the_largest_level_to_zero(sigmas_for, steps):
    sigmas = sigmas_for(steps)
    assert sigmas.shape == (steps + 1,)
    assert sigmas.dtype == torch.float32
    assert sigmas[0] == 1
    assert sigmas[-1] == 0
    assert (sigmas.diff() < 0).all()


@EVERY_SPACING
def test_no_steps(sigmas_for):
    with pytest.raises(ValueError, match="0 steps"):
        sigmas_for(0)


def test_exponential_has_equal_ratios():
    sigmas = exponential_sigmas(6, sigma_min=0.01, sigma_max=20.0)[:-1].double()
    ratios = sigmas[1:] / sigmas[:-1]
    torch.testing.assert_close(ratios, ratios[:1].expand(5), atol=1e-6, rtol=0)
    assert sigmas[-1].item() == pytest.approx(0.01)


def test_karras_is_even_in_the_root():
    roots = karras_sigmas(9, sigma_min=0.002, sigma_max=80.0)[:-1].double() ** (1 / 7)
    steps = roots.diff()
    torch.testing.assert_close(steps, steps[:1].expand(8), atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    ("a", "b", "x", "wanted"),
    [
        (1, 1, 0.3, 0.3),
        (2, 1, 0.3, 0.09),
        (2, 2, 0.25, 3 * 0.25**2 - 2 * 0.25**3),
        (0.5, 0.5, 0.25, 1 / 3),  # the arcsine law
        (5, 3, 1.0, 1.0),
    ],
)
def test_beta_distribution_in_closed_form(a, b, x, wanted):
    assert beta_distribution(x, a, b) == pytest.approx(wanted, abs=1e-12)
    assert beta_quantile(wanted, a, b) == pytest.approx(x, abs=1e-12)


def test_beta_of_ones_is_even_spacing():
    even = flow_sigmas(12, shift=3.0)
    torch.testing.assert_close(beta_sigmas(12, shift=3.0, a=1.0, b=1.0), even)


def test_linear_quadratic_is_smooth_where_its_parts_meet():
    sigmas = linear_quadratic_sigmas(40).double()
    signal = 1 - sigmas
    assert signal[20].item() == pytest.approx(0.025, abs=1e-7)
    slopes = signal.diff()
    torch.testing.assert_close(slopes[:20], slopes[:1].expand(20), atol=1e-6, rtol=0)
    bends = slopes[20:].diff()
    torch.testing.assert_close(bends, bends[:1].expand(19), atol=1e-6, rtol=0)
    assert slopes[20] > slopes[19]


def test_linear_quadratic_without_a_linear_part_is_a_parabola():
    sigmas = linear_quadratic_sigmas(4, linear_steps=0)
    assert sigmas.tolist() == pytest.approx([1, 1 - 1 / 16, 1 - 4 / 16, 1 - 9 / 16, 0])


def test_listed_levels_get_their_zero():
    assert listed_sigmas([1, 0.5]).tolist() == [1, 0.5, 0]
    assert listed_sigmas([14.6, 0.5, 0]).tolist() == pytest.approx([14.6, 0.5, 0])


@pytest.mark.parametrize(
    "levels", [[], [0.0], [0.5, 0.5], [0.5, 0.9], [1, 0.0, 0.5], [1, -0.5], [math.inf, 1]]
)
def test_listed_levels_have_to_fall(levels):
    with pytest.raises(ValueError, match="decreasing"):
        listed_sigmas(levels)


@pytest.mark.parametrize(
    "call",
    [
        lambda: karras_sigmas(4, sigma_min=0.0, sigma_max=1.0),
        lambda: karras_sigmas(4, sigma_min=2.0, sigma_max=1.0),
        lambda: exponential_sigmas(4, sigma_min=2.0, sigma_max=1.0),
        lambda: linear_quadratic_sigmas(4, threshold=1.0),
        lambda: linear_quadratic_sigmas(4, linear_steps=4),
        lambda: beta_sigmas(4, a=0.0),
        lambda: beta_sigmas(4, shift=0.0),
        lambda: beta_quantile(1.5, 1, 1),
    ],
)
def test_out_of_range(call):
    with pytest.raises(ValueError, match=r"use|above 0|between"):
        call()
