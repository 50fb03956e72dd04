"""What is told while a workflow runs, on a terminal and elsewhere."""

import io

import pytest
from rich.console import Console

from spacetime_video.graph.executor import NodeCached, NodeFinished, NodeStarted
from spacetime_video.headless.display import MOST_BARS, Display
from spacetime_video.headless.lines import Lines
from spacetime_video.headless.pace import Pace, duration


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def named(title="Sample"):
    return {"id": "7", "title": title, "class_type": "X"}


def started(index=0, total=3):
    return NodeStarted(**named(), index=index, total=total)


def finished(seconds=0.1):
    return NodeFinished(**named(), seconds=seconds, ui={})


def test_a_line_per_node_and_one_every_few_seconds():
    clock, console = Clock(), Console(file=io.StringIO(), width=20)
    lines = Lines(console, clock)
    lines.event(NodeCached(**named("Load [red]")))
    lines.event(started(1))
    lines.step(0, 100)
    for step in range(1, 101):
        clock.now += 0.6
        lines.step(step, 100)
    lines.event(finished(60.0))
    told = console.file.getvalue().splitlines()
    assert told[:3] == [
        "kept Load [red]",
        "2/3 Sample",
        "2/3 Sample: 9 of 100, 5 s, about 55 s left",
    ]
    assert len(told) == 14
    assert told[-1] == "2/3 Sample: done in 1 min 0 s"


def test_without_a_terminal_nothing_is_drawn():
    console = Console(file=io.StringIO())
    with Display(console=console) as display:
        display.event(started())
        display.step(1, 2)
        display.event(finished())
    assert console.file.getvalue() == "1/3 Sample\n"


def test_a_terminal_shows_the_time_that_is_left():
    console = Console(file=io.StringIO(), force_terminal=True, width=120)
    with Display(console=console) as display:
        display.event(started())
        display.step(0, 4)
        display._bars.tasks[-1].fields["pace"]._began -= 60
        display.step(2, 4)
        display._bars._drawn = 0
        display._bars.refresh()
    assert "1 min 0 s left" in console.file.getvalue()


def test_more_nodes_than_bars_end(tmp_path):
    with Display(console=Console(file=io.StringIO(), force_terminal=True)) as display:
        for index in range(2 * MOST_BARS):
            display.event(started(index, 2 * MOST_BARS))
            display.step(1, 2)
            display.event(finished())
    assert [task.completed for task in display._bars.tasks] == [2] * len(display._bars.tasks)


def test_the_rest_takes_as_long_as_the_steps_did():
    clock = Clock()
    pace = Pace(clock)
    assert pace.left is None
    pace.step(0, 4)
    clock.now += 10
    pace.step(1, 4)
    assert pace.left == 30
    clock.now += 4
    assert pace.left == 26
    clock.now += 100
    assert pace.left == 0
    pace.step(4, 4)
    assert pace.left is None
    pace.step(0, 4)
    clock.now += 2
    pace.step(2, 4)
    assert pace.left == 2


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59, "59 s"), (200, "3 min 20 s"), (3900, "1 h 5 min")]
)
def test_durations(seconds, text):
    assert duration(seconds) == text
