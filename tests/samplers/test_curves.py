"""Numbers over time through keys."""

import pytest

from spacetime_video.samplers.curves import Curve

KEYS = ((2.0, 1.0), (6.0, 0.0), (8.0, 2.0))


@pytest.mark.parametrize(
    ("interpolation", "wanted"),
    [
        ("linear", [1, 1, 0.75, 0.5, 0.25, 0, 1, 2, 2]),
        ("ease", [1, 1, 0.84375, 0.5, 0.15625, 0, 1, 2, 2]),
        ("hold", [1, 1, 1, 1, 1, 0, 0, 2, 2]),
    ],
)
def test_a_curve_goes_through_its_keys(interpolation, wanted) -> None:
    curve = Curve(KEYS, interpolation)
    assert [curve.at(time) for time in (0, 2, 3, 4, 5, 6, 7, 8, 100)] == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("keys", "interpolation", "told"),
    [
        ((), "linear", "at least one key"),
        (((3, 1), (3, 0)), "hold", "3: 1, 3: 0 are not in order of time"),
        (((0, float("nan")),), "hold", "must be finite"),
        (KEYS, "bounce", "unknown interpolation 'bounce'"),
    ],
)
def test_what_is_no_curve_is_refused(keys, interpolation, told) -> None:
    with pytest.raises(ValueError, match=told):
        Curve(keys, interpolation)
