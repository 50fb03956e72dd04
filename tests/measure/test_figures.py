"""The figures of a measurement: intervals, and what is counted."""

import json
import math

import pytest

from spacetime_video.measure.figures import (
    Largest,
    Mean,
    Number,
    Share,
    Table,
    ratio,
    shares,
    table_of,
)


def test_interval_is_wilsons():
    low, high = Share(8, 10).interval()
    assert low == pytest.approx(0.4902, abs=1e-4)
    assert high == pytest.approx(0.9433, abs=1e-4)
    low, high = Share(0, 10).interval()
    assert (low, high) == (0, pytest.approx(0.2775, abs=1e-4))
    low, high = Share(10, 10).interval()
    assert (low, high) == (pytest.approx(0.7225, abs=1e-4), 1)
    assert Share(21, 25).told() == "84 % (65-94)"


def test_mean_has_the_interval_of_its_standard_error():
    mean = Mean.of([1.0, 2.0, 3.0, 4.0], "dB")
    assert mean.mean == 2.5
    assert mean.error == pytest.approx(0.6455, abs=1e-4)
    assert mean.as_dict()["interval_95"] == [1.23, 3.77]
    assert Mean.of([7.0], "dB").error == 0


def test_ratio_has_the_interval_of_paired_shares():
    reference = [True] * 8 + [False] * 2
    half = ratio([True] * 4 + [False] * 6, reference)
    assert half.mean == 50
    assert half.error == pytest.approx(100 * 0.5 * math.sqrt(4 / (4 * 8)))
    assert ratio(reference, reference) == Mean(100, 0, 10, "%")
    assert ratio([False] * 10, reference) == Mean(0, 0, 10, "%")
    with pytest.raises(ValueError, match="10 of the reference, of which 0 pass"):
        ratio(reference, [False] * 10)


def test_shares_count_the_clips_to_which_a_test_applies():
    verdicts = [
        {"colour": True, "motion": True, "more": True},
        {"colour": True, "motion": False, "more": False},
        {"colour": False, "more": False},
    ]
    table = shares(verdicts, ("colour", "motion", "then"), ("more",))
    assert table == {
        "colour": Share(2, 3),
        "motion": Share(1, 2),
        "all": Share(1, 3),
        "more": Share(1, 3),
    }
    assert list(shares(verdicts, ("colour",))) == ["colour"]


def test_a_table_names_its_columns_once_and_in_order():
    rows = {"a": {"x": Largest(0.0)}, "b": {"y": Share(1, 2), "x": Largest(1.0)}}
    assert Table("g", "t", rows).columns == ("x", "y")


def test_a_table_comes_back_from_its_values():
    rows = {
        "a": {"x": Largest(0.125)},
        "b": {"y": Share(1, 2), "x": Mean(1.5, 0.25, 3, "dB"), "z": Number(60.0, "ms")},
    }
    table = Table("g", "t", rows, ("nothing there",), 12.5)
    assert table_of(json.loads(json.dumps(table.as_dict()))) == table
    values = table.as_dict()
    del values["rows"]["b"]["y"]["right"]
    with pytest.raises(ValueError, match="lacks 'right': measure again"):
        table_of(values)
