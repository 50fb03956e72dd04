"""Windows hold every frame, count it everywhere a little, and go over the end of a loop."""

from itertools import pairwise, product

import pytest

from spacetime_video.samplers.window_plans import (
    BLENDS,
    SCHEDULES,
    WindowPlan,
    bit_reversed,
    plan_windows,
)

SHAPES = ((16, 4), (16, 0), (5, 4), (2, 1), (7, 3))
"""Lengths and overlaps."""


def every_plan():
    for (length, overlap), schedule, blend, stride in product(SHAPES, SCHEDULES, BLENDS, (1, 3)):
        yield WindowPlan(
            length=length, overlap=overlap, schedule=schedule, blend=blend, stride=stride
        )


def faults(windows, frames, plan):
    counted = [0.0] * frames
    for window in windows:
        if len(set(window.frames)) < len(window.frames):
            yield "a frame is in a window twice"
        if not 0 < len(window.frames) <= plan.length:
            yield f"a window of {len(window.frames)} frames"
        if min(window.weights) <= 0:
            yield "a weight of 0"
        for frame, weight in zip(window.frames, window.weights, strict=True):
            counted[frame] += weight
    if min(counted) <= 0:
        yield "a frame is in no window"


def test_every_frame_is_in_a_window():
    found = [
        (plan, frames, step, closed, fault)
        for plan in every_plan()
        for frames in (plan.length + 1, plan.length * 2, 37, 48)
        if frames > plan.length
        for step, closed in product((0, 1, 2, 5), (False, True))
        for fault in faults(plan_windows(frames, plan, step=step, closed=closed), frames, plan)
    ]
    assert found == []


def starts(plan, frames, step=0, closed=False):
    return [each.frames[0] for each in plan_windows(frames, plan, step=step, closed=closed)]


def test_borders_of_uniform_windows_move_and_those_of_static_ones_stay():
    moving, staying = WindowPlan(), WindowPlan(schedule="static")
    assert [bit_reversed(step) for step in range(6)] == [0, 0.5, 0.25, 0.75, 0.125, 0.625]
    assert starts(moving, 48) == [0, 12, 24, 32]
    assert starts(moving, 48, 1) == [0, 6, 18, 30, 32]
    assert [starts(staying, 48, step) for step in range(3)] == [[0, 10, 21, 32]] * 3
    assert starts(moving, 48, 1, closed=True) == [24, 36, 0, 12]


def test_static_windows_share_as_many_frames_as_was_asked_for():
    plan = WindowPlan(length=9, overlap=3, schedule="static")
    for frames in range(10, 60):
        windows = plan_windows(frames, plan, step=0, closed=False)
        shared = [len(set(a.frames) & set(b.frames)) for a, b in pairwise(windows)]
        assert min(shared) >= 3
        assert len(windows) <= 1 + (frames - 9 + 5) // 6


def test_windows_of_a_loop_turn_with_it():
    """A loop of some hops' length looks the same from each of them."""
    for schedule in ("uniform", "static"):
        plan = WindowPlan(length=8, overlap=2, schedule=schedule)
        windows = set(plan_windows(24, plan, step=3, closed=True))
        turned = {
            each._replace(frames=tuple((frame + 6) % 24 for frame in each.frames))
            for each in windows
        }
        assert turned == windows
        assert any(each.frames[0] > each.frames[-1] for each in windows)


def test_batched_windows_share_nothing_and_are_of_about_one_length():
    windows = plan_windows(37, WindowPlan(length=16, schedule="batched"), step=4, closed=False)
    assert [len(each.frames) for each in windows] == [12, 12, 13]
    assert sum((each.frames for each in windows), ()) == tuple(range(37))


def test_a_stride_adds_windows_of_spaced_frames_until_one_holds_the_clip():
    plan = WindowPlan(length=16, overlap=4, stride=9, schedule="static")
    windows = [each.frames for each in plan_windows(48, plan, step=0, closed=False)]
    spacings = [each[1] - each[0] for each in windows]
    assert sorted(set(spacings)) == [1, 2, 4]
    assert [each for each in windows if each[1] - each[0] == 4] == [
        tuple(range(first, 48, 4)) for first in range(4)
    ]


def test_blends():
    weights = {
        name: BLENDS[name](5, 2, (False, True))
        for name in ("pyramid", "overlap-linear", "relative")
    }
    assert weights["pyramid"] == [1, 2, 3, 2, 1]
    assert weights["overlap-linear"] == pytest.approx([1, 1, 1, 2 / 3, 1 / 3])
    assert weights["relative"] == pytest.approx([0.2, 0.6, 1.0, 0.6, 0.2])


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"overlap": 16}, "an overlap from 0 to 15"),
        ({"length": 1, "overlap": 0}, "a length of at least 2"),
        ({"stride": 0}, "a stride of at least 1"),
        (
            {"blend": "round"},
            r"'round' is unknown: .*'flat', 'overlap-linear', 'pyramid', 'relative'\]",
        ),
        ({"schedule": "loop"}, r"choose one of \['batched', 'static', 'uniform'\]"),
    ],
)
def test_wrong_plans_are_refused(wrong, told):
    with pytest.raises(ValueError, match=told):
        WindowPlan(**wrong)
