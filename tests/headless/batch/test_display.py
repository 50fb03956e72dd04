"""What is shown of a batch while it runs."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from spacetime_video.headless.batch.backend import JobFailed, JobNote, JobStarted, StepDone
from spacetime_video.headless.batch.display import BatchDisplay
from spacetime_video.headless.batch.runner import JobSaved

NAMES = {"1": "clip_1", "2": "clip [red]", "3": "clip_3"}


class Clock:
    """Seconds that a test sets."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def console(terminal):
    return Console(file=io.StringIO(), force_terminal=terminal, width=140, color_system=None)


def saved(job):
    return JobSaved(job=job, files=(Path("a.mp4"),), seconds=1.0)


def test_lines_where_no_terminal_is(clock):
    screen = console(terminal=False)
    with BatchDisplay(NAMES, screen, clock) as display:
        display.told(JobStarted(job="1"))
        display.told(StepDone(job="1", node="Sample", done=1, total=4))
        clock.now += 6
        display.told(StepDone(job="1", node="Sample", done=2, total=4))
        display.told(JobNote(job="1", text="Sample: too red", warning=True))
        display.told(JobNote(job="1", text="3/4 Decode"))
        clock.now += 4
        display.told(saved("1"))
        display.told(JobStarted(job="2"))
        display.told(JobNote(job="2", text="Sample: too red", warning=True))
        clock.now += 20
        display.told(JobFailed(job="2", message="no"))
        display.told(saved("elsewhere"))
    assert screen.file.getvalue().splitlines() == [
        "clip_1: Sample 2 of 4",
        "clip_1: Sample: too red",
        "clip_1 done in 10 s; 1 of 3 jobs, 6 per minute, about 20 s left",
        "clip [red] failed in 20 s; 2 of 3 jobs, 1 failed, 4 per minute, about 15 s left",
    ]


def test_a_table_in_a_terminal(clock):
    screen = console(terminal=True)
    with BatchDisplay(NAMES, screen, clock) as display:
        display.told(JobStarted(job="1"))
        display.told(JobStarted(job="2"))
        display.told(StepDone(job="2", node="Load", done=3, total=3))
        display.told(StepDone(job="2", node="Sample", done=0, total=8))
        clock.now += 3
        display.told(StepDone(job="2", node="Sample", done=2, total=8))
        drawn = console(terminal=False)
        drawn.print(display.table())
        first, second, last = drawn.file.getvalue().splitlines()
        clock.now += 3
        display.told(saved("1"))
        display.told(saved("2"))
        drawn = console(terminal=False)
        drawn.print(display.table())
        *_, only = drawn.file.getvalue().splitlines()
    assert first.split()[0] == "clip_1"
    assert second.startswith("clip [red]")
    assert "Sample" in second
    assert "2/8" in second
    assert second.rstrip().endswith("3 s  9 s left")
    assert last.rstrip().endswith("0 of 3 jobs")
    assert only.rstrip().endswith("2 of 3 jobs, 20 per minute, about 3 s left")
    shown = screen.file.getvalue()
    assert "of 3 jobs" in shown
    assert "done in" not in shown, "what is done is in the table"


def test_quiet(clock):
    screen = Console(file=io.StringIO(), quiet=True)
    with BatchDisplay(NAMES, screen, clock) as display:
        display.told(JobStarted(job="1"))
        display.told(saved("1"))
    assert screen.file.getvalue() == ""
