"""A batch that is killed at any moment ends with the files of one that was not."""

import random
import sys
import time
from dataclasses import dataclass
from hashlib import sha256

import pytest

from spacetime_video.headless.batch.backends import BackendOptions
from spacetime_video.headless.batch.batches import manifests
from spacetime_video.headless.batch.command import batch_command
from spacetime_video.headless.batch.manifest import read_manifest

from ..conftest import node, save_video
from .conftest import (
    count_changes,
    count_events,
    killed_after,
    killed_at_change,
    killed_at_events,
    remains,
    results,
)

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork and no SIGKILL"),
    pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"),
]
SEED = 20
SOME = 5
MANY = 50
MANY_PROCESSES = 12
"""Fewer, since each of them takes seconds to begin."""


@pytest.fixture
def workflows(write, graph):
    """Two clips, pictures beside a clip, and a long video: six jobs with the seeds 1 and 2."""
    pictures = {"15": node("SaveImage", images=["12", 0], filename_prefix="deep/frame")}
    long = dict(graph)
    del long["5"], long["11"]
    sampling = {
        name: graph["10"]["inputs"][name] for name in ("guider", "noise", "sampler", "sigmas")
    }
    sampling |= {"chunk": 13, "context": 5, "anchor": True, "match": 0.0, "resumable": True}
    long["4"] = node("SpacetimeEmptyVideo", width=32, height=32, frames=29, fps=8.0)
    long["10"] = node("SpacetimeSampleLongVideo", "Sample", latent=["4", 0], **sampling)
    long["12"] = node("SpacetimeDecodeVideo", latent=["10", 0], vae=["1", 2])
    long["14"] = save_video(["13", 0])
    graphs = {"clip": graph, "both": {**graph, **pictures}, "long": long}
    return [write(each, f"{name}.json") for name, each in graphs.items()]


@dataclass
class Whole:
    """A batch that nothing has stopped: its results, how long it took, and its changes of files."""

    results: dict[str, bytes]
    seconds: float
    changes: int


@pytest.fixture
def whole(options, workflows, tmp_path):
    """A batch that nothing has stopped."""
    folder, began = tmp_path / "whole", time.monotonic()
    begun = options(*workflows, seeds="1,2", output=folder.name)
    changes = count_changes(lambda: batch_command(begun), folder)
    return Whole(results(folder), time.monotonic() - began, changes)


@pytest.fixture
def check(options, workflows, whole, tmp_path):
    """Kill a batch by some means, go on until it ends by itself, and look at what there is."""

    def kill_and_check(output, kill, told, **more):
        begun = options(*workflows, seeds="1,2", output=output, **more)
        again = options(output=output, resume=True, **more)
        folder, codes = tmp_path / output, []

        def work():
            is_recorded = any(folder.glob(".spacetime_batch/*/manifest.jsonl"))
            return batch_command(again if is_recorded else begun)

        for means in (kill, kill, lambda work, folder: killed_after(None, work)):
            if codes[-1:] in ([], [None]):
                codes.append(means(work, folder))
        assert codes[-1] == 0, told
        assert results(folder) == whole.results, told
        left = {parts for parts in remains(folder) if parts[0] != "posters"}
        assert left == {
            ("manifest.jsonl",), ("contact_sheet.html",),
            *(("logs", f"{number:05}.log") for number in range(1, 7)),
        }, told  # fmt: skip
        posters = {parts[1] for parts in remains(folder) - left}
        assert posters == {f"{sha256(each).hexdigest()}.jpg" for each in whole.results.values()}
        return codes[0] is None

    return kill_and_check


def test_the_batch_has_all_kinds_of_results(whole, tmp_path):
    names = sorted(whole.results)
    assert [name for name in names if name.endswith(".mp4")] == [
        "both_1.mp4", "both_2.mp4", "clip_1.mp4", "clip_2.mp4", "long_1.mp4", "long_2.mp4",
    ]  # fmt: skip
    assert len(names) == 6 + 2 * 5
    assert whole.changes > 100
    groups = read_manifest(manifests(tmp_path / "whole")[0]).groups
    assert [len(group) for group in groups] == [2, 2, 2], "jobs that are killed together"


def kill_after_times(check, count, whole):
    """Kill ``count`` batches; when one ends before its kill, the next are killed sooner."""
    generator, longest, killed, number = random.Random(SEED), whole.seconds, 0, 0
    while killed < count:
        times = iter([generator.uniform(0, longest) for _ in range(2)])

        def kill(work, folder, times=times):
            return killed_after(next(times), work)

        if check(f"time{number}", kill, f"seed {SEED}, kill {number}"):
            killed += 1
        else:
            longest *= 0.8
        number += 1


def kill_at_changes(check, count, whole):
    generator = random.Random(SEED)
    for number in range(count):
        places = iter([generator.randrange(whole.changes) for _ in range(2)])

        def kill(work, folder, places=places):
            return killed_at_change(next(places), work, folder)

        assert check(f"change{number}", kill, f"seed {SEED}, kill {number}")


@pytest.fixture
def kill_processes(check, options, workflows, tmp_path):
    """Kill processes that run jobs, later the one that has started them, and both once more.

    Gives what the logs of the jobs say.
    """

    def kill_often(count, processes):
        generator, by = random.Random(SEED), {"backend": BackendOptions(workers=processes)}
        whole = options(*workflows, seeds="1,2", output="processes", **by)
        events, told = count_events(lambda: batch_command(whole)), ""
        for number in range(count):
            places = iter([sorted(generator.sample(range(events), 2)) for _ in range(2)])

            def kill(work, folder, places=places):
                of_jobs, own = next(places)
                return killed_at_events(of_jobs, own, work)

            check(f"process{number}", kill, f"seed {SEED}, kill {number}", **by)
            logs = (tmp_path / f"process{number}").glob(".spacetime_batch/*/logs/*.log")
            told += "".join(log.read_text(encoding="utf-8") for log in logs)
        return told

    return kill_often


def test_killed_processes_of_jobs(kill_processes):
    told = kill_processes(1, 1)
    assert "the process that ran it with 1 other job was killed by SIGKILL" in told


@pytest.mark.slow
def test_many_killed_processes_of_jobs(kill_processes):
    told = kill_processes(MANY_PROCESSES, 2)
    assert "the process that ran it with 1 other job was killed by SIGKILL" in told
    assert "the process that ran it was killed by SIGKILL" in told


def test_killed_at_some_time(check, whole):
    kill_after_times(check, SOME, whole)


def test_killed_before_some_change_of_a_file(check, whole):
    kill_at_changes(check, SOME, whole)


@pytest.mark.slow
def test_killed_at_many_times(check, whole):
    kill_after_times(check, MANY, whole)


@pytest.mark.slow
def test_killed_before_many_changes_of_files(check, whole):
    kill_at_changes(check, MANY, whole)
