"""The meters are calibrated: what is right passes, what is spoiled does not."""

import pytest

from spacetime_video.measure.readers import Readers
from spacetime_video.measure.studio import ClipMaker, Settings
from spacetime_video.measure.timeline.calibration import calibration_tasks

SPOILED = {
    "hard cuts": 0.1,
    "hard cuts within a setting": 0.1,
    "jumps of 8 frames": 0.1,
    "ping-pongs": 0.3,
    "freezes": 0.3,
    "duplicated frames": 0.3,
}
"""The most of each that may pass."""


@pytest.fixture(scope="module")
def maker():
    return ClipMaker(Settings(device="cpu"))


def calibrated(maker, count):
    tasks = calibration_tasks(count, maker)
    return [task.run(maker, Readers(1), lambda cases, clips: None).rows for task in tasks]


def rate(share):
    return share.right / share.trials


def test_gross_mistakes_are_noticed(maker):
    joins, others = calibrated(maker, 2)
    assert joins["true joins"]["all"].trials == 16
    assert rate(joins["true joins"]["all"]) >= 0.8
    assert list(joins) == ["true joins", *SPOILED]
    assert rate(joins["hard cuts"]["all"]) == rate(joins["freezes"]["all"]) == 0
    assert rate(others["true clips"]["no drift"]) == 1
    assert rate(others["a gain that rises by 3/255"]["no drift"]) == 0
    assert rate(others["true clips"]["all of the truth"]) == 1


@pytest.mark.slow
def test_meters_are_calibrated(maker):
    joins, others = calibrated(maker, 40)
    assert rate(joins["true joins"]["all"]) >= 0.95
    passed = {name: rate(joins[name]["all"]) for name in SPOILED}
    assert {name: share for name, share in passed.items() if share > SPOILED[name]} == {}
    assert rate(others["true clips"]["no drift"]) >= 0.95
    assert rate(others["a gain that rises by 3/255"]["no drift"]) == 0
    assert rate(others["true clips"]["all of the truth"]) >= 0.95
    assert rate(others["objects in blocks"]["all of the truth"]) <= 0.1
