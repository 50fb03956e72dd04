"""Context windows: where their borders lie, and that it shows where they do not overlap."""

import pytest

from spacetime_video.measure.readers import Readers
from spacetime_video.measure.studio import ClipMaker, Settings
from spacetime_video.measure.timeline.windows import (
    GENERATED,
    ONE_RUN,
    PLANS,
    SIDE_BY_SIDE,
    STATIC,
    TRUTH,
    borders,
    windows_task,
)


def rate(share):
    return share.right / share.trials


def measured(count, steps):
    maker = ClipMaker(Settings(1.0, steps, device="cpu"))
    return windows_task(count, maker).run(maker, Readers(1), lambda cases, clips: None).rows


def test_borders_lie_where_windows_begin_and_end():
    assert borders(PLANS[STATIC]) == [4, 9, 13, 14, 18, 19, 23, 24, 28]
    assert borders(PLANS[SIDE_BY_SIDE]) == [8, 16, 24]


def test_a_small_run_judges_every_border_of_every_way():
    rows = measured(2, 1)
    columns = [GENERATED, STATIC, SIDE_BY_SIDE, ONE_RUN, TRUTH]
    trials = {"all joins": 22, f"borders of {STATIC}": 16, f"borders of {SIDE_BY_SIDE}": 6}
    for row, count in trials.items():
        assert list(rows[row]) == columns
        assert {share.trials for share in rows[row].values()} == {count}
    assert rate(rows["all joins"][TRUTH]) >= 0.8


@pytest.mark.slow
def test_windows_without_overlap_show():
    row = measured(24, 20)[f"borders of {SIDE_BY_SIDE}"]
    assert rate(row[GENERATED]) >= 0.9
    assert rate(row[TRUTH]) >= 0.9
    assert rate(row[SIDE_BY_SIDE]) <= 0.85
