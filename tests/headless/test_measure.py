"""The figures of a measurement: shares with intervals, and scores of readings."""

import pytest

from spacetime_video.headless.measure import Share, scores
from spacetime_video.metrics.alignment import Reading


def test_interval_is_wilsons() -> None:
    low, high = Share(8, 10).interval()
    assert low == pytest.approx(0.4902, abs=1e-4)
    assert high == pytest.approx(0.9433, abs=1e-4)
    assert Share(0, 10).interval()[0] == pytest.approx(0, abs=1e-12)
    assert Share(10, 10).interval()[1] == pytest.approx(1, abs=1e-12)


def test_scores_count_what_was_asked_for() -> None:
    prompts = ["a red sphere moves left at day", "a blue cube moves right at night"]
    readings = [
        Reading("red", "at day", "moves right", True),
        Reading("green", "at night", "moves right", True),
    ]
    table = scores(readings, prompts)
    percents = {name: entry["percent"] for name, entry in table.items()}
    assert percents == {"colour": 50, "setting": 100, "motion": 50, "colour and setting": 50}
    nothing = [Reading(None, "at day", None, False)] * 2
    assert scores(nothing, prompts)["colour"]["percent"] == 0
