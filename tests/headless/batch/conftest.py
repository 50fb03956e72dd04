"""Batches in this process, and in children of it that may be killed."""

import itertools
import os
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from spacetime_video import hosts
from spacetime_video.headless.batch.backend import JobStarted, StepDone
from spacetime_video.headless.batch.batches import manifests
from spacetime_video.headless.batch.command import BatchOptions, batch_command
from spacetime_video.headless.batch.jobs.options import JobOptions
from spacetime_video.headless.batch.manifest import read_manifest
from spacetime_video.headless.batch.workers import Workers

CHANGES_FILES = {"os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.truncate", "open"}


@pytest.fixture
def options(tmp_path, models_dir):
    """Options of a batch on random weights, into a folder of the test."""

    def options_of(*workflows, output="output", assignments=(), seeds="", settings=(), **more):
        return BatchOptions(
            jobs=JobOptions(workflows=workflows, assignments=assignments, seeds=seeds),
            output_dir=tmp_path / output,
            settings={
                "input_dir": str(tmp_path / "input"),
                "models_dir": str(models_dir),
                "device": "cpu",
                "dtype": "fp32",
                **dict(settings),
            },
            **{"quiet": True, **more},
        )

    return options_of


@pytest.fixture
def batch(options, standalone):
    """Run a batch in this process; gives the exit code."""

    def run_here(*workflows, **given):
        return batch_command(options(*workflows, **given))

    yield run_here
    hosts.use(standalone)


@pytest.fixture
def records(tmp_path):
    """What the manifest of the last batch says of its jobs."""

    def of_last(output="output"):
        return read_manifest(manifests(tmp_path / output)[0]).records

    return of_last


def results(folder):
    """Every result in an output folder, with its bytes."""
    paths = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return {
        path.as_posix(): (folder / path).read_bytes() for path in paths if path.parts[0][0] != "."
    }


def remains(folder):
    """What a batch leaves beside its results, without its name."""
    below = folder / ".spacetime_batch"
    return {path.relative_to(below).parts[1:] for path in below.rglob("*") if path.is_file()}


def sampled(told, job, times):
    """Whether a job has begun so often, and is at its samples again."""
    starts = [place for place, each in enumerate(told) if each == JobStarted(job=job)]
    return len(starts) == times and any(
        isinstance(each, StepDone) and (each.job, each.node) == (job, "Sample") and each.done
        for each in told[starts[-1] :]
    )


def child(work):
    """Begin work in a process of its own, which shares what is loaded; gives its number."""
    number = os.fork()
    if number == 0:
        try:
            os._exit(work())
        finally:
            os._exit(70)
    return number


def killed_after(seconds, work):
    """Do work in a process that is killed after a time, if one is given.

    Gives the exit code, or None if it was killed.
    """
    number = child(work)
    timer = threading.Timer(seconds or 0, os.kill, (number, signal.SIGKILL))
    if seconds is not None:
        timer.start()
    _, status = os.waitpid(number, 0)
    if seconds is not None:
        timer.cancel()
        timer.join()
    return None if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def killed_at_change(place, work, below):
    """Do work in a process that kills itself before a change of the files below a folder.

    Gives the exit code, or None if it was killed.
    """

    def kill(number):
        if number == place:
            os.kill(os.getpid(), signal.SIGKILL)

    _, status = os.waitpid(child(_watched(work, below, kill)), 0)
    return None if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def killed_at_events(place, own_place, work):
    """Do work in a process that kills those of its jobs before an event, and itself before another.

    Gives the exit code, or None if it was killed.
    """

    def kill(number):
        for process in _children() if number == place else ():
            os.kill(process, signal.SIGKILL)
        if number == own_place:
            os.kill(os.getpid(), signal.SIGKILL)

    _, status = os.waitpid(child(_heard(work, kill)), 0)
    return None if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def _children():
    """The processes that this one has started, as Linux tells them."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parent = path.read_text().rpartition(")")[2].split()[1]
            if int(parent) == os.getpid():
                yield int(path.parent.name)


def count_changes(work, below):
    """Do work, which must end well, in a process; gives how often it changes files in a folder."""
    return _count(lambda note: _watched(work, below, note))


def count_events(work):
    """Do work, which must end well, in a process; gives how many events its processes tell."""
    return _count(lambda note: _heard(work, note))


def _count(work_with):
    reading, writing = os.pipe()
    number = child(work_with(lambda number: os.write(writing, b".")))
    os.close(writing)
    with os.fdopen(reading, "rb") as told:
        noted = len(told.read())
    assert os.WEXITSTATUS(os.waitpid(number, 0)[1]) == 0
    return noted


def _heard(work, on_event):
    """Work that calls a function with their numbers before it hears events of `Workers`."""
    count, run = itertools.count(), Workers.run

    def heard():
        def heard_run(self, tasks, tell):
            def hear(event):
                on_event(next(count))
                tell(event)

            run(self, tasks, hear)

        Workers.run = heard_run  # in a process of its own
        return work()

    return heard


def _watched(work, below, on_change):
    """Work that calls a function with their numbers before the changes of files in a folder."""
    count = itertools.count()

    def watch(event, arguments):
        if event in CHANGES_FILES and _is_change(event, arguments, below):
            on_change(next(count))

    def watched():
        sys.addaudithook(watch)
        return work()

    return watched


def _is_change(event, arguments, below):
    path = arguments[0]
    if not isinstance(path, str | Path) or not str(path).startswith(str(below)):
        return False
    return event != "open" or bool(arguments[2] & (os.O_WRONLY | os.O_RDWR))
