"""Which jobs of a batch are computed together."""

import logging
import random
from itertools import product
from math import ceil

import pytest

from spacetime_video.headless.batch import here, sizes
from spacetime_video.headless.batch.backend import BatchStopped
from spacetime_video.headless.batch.batches import manifests
from spacetime_video.headless.batch.job import BatchJob
from spacetime_video.headless.batch.manifest import DONE, read_manifest
from spacetime_video.headless.batch.packs import MOST_LOOKED_AT, MOST_TOKENS, packs_of
from spacetime_video.hosts.standalone.together import NetworkCall

from ..conftest import node
from .conftest import results

GRAPH = {"1": {}}


def job(number, *assignments, workflow=GRAPH):
    return BatchJob(
        id=str(number), name=str(number), source="", workflow=workflow, assignments=assignments
    )


def ids(groups):
    return [[each.id for each in group] for group in groups]


def seeds(count):
    return [job(number, f"Noise.seed={number}") for number in range(count)]


@pytest.mark.parametrize(
    ("tokens", "pack", "sizes"),
    [
        (MOST_TOKENS // 4, 0, [3, 3, 4]),
        (MOST_TOKENS, 0, [1] * 10),
        (MOST_TOKENS * 9, 0, [1] * 10),
        (1, 0, [10]),
        (0, 0, [1] * 10),
        (0, 4, [1] * 10),
        (MOST_TOKENS * 9, 4, [3, 3, 4]),
        (1, 1, [1] * 10),
    ],
)
def test_groups_are_as_large_as_it_pays(tokens, pack, sizes):
    groups = packs_of(seeds(10), pack, lambda job: tokens)
    assert [len(group) for group in groups] == sizes
    assert [each.id for group in groups for each in group] == list("0123456789")


@pytest.mark.parametrize(
    ("jobs", "most", "slots", "sizes"),
    [
        (24, 16, 1, [12, 12]),
        (24, 16, 2, [12, 12]),
        (25, 16, 2, [12, 13]),
        (40, 16, 2, [10, 10, 10, 10]),
        (24, 16, 4, [6, 6, 6, 6]),
        (5, 16, 4, [1, 1, 1, 2]),
        (3, 16, 4, [1, 1, 1]),
        (8, 1, 2, [1] * 8),
    ],
)
def test_groups_are_small_enough_for_all_slots_to_have_work(jobs, most, slots, sizes):
    groups = packs_of(seeds(jobs), most, lambda job: 1, slots)
    assert [len(group) for group in groups] == sizes


def test_slots_end_at_about_the_same_time():
    drawn = random.Random(3)
    for _ in range(200):
        counts = [drawn.randint(1, 40) for _ in range(drawn.randint(1, 2 * MOST_LOOKED_AT))]
        given = [job(f"{kind}-{seed}", f"S.steps={kind}", f"N.seed={seed}")
                 for kind, count in enumerate(counts) for seed in range(count)]  # fmt: skip
        slots, most = drawn.choice((1, 2, 3, 8, 64)), drawn.choice((1, 2, 5, 16))
        groups = packs_of(given, most, lambda job: 1, slots)
        assert len(groups) >= min(slots, len(given))
        assert max(map(len, groups)) <= most
        assert sorted(each.id for group in groups for each in group) == sorted(j.id for j in given)
        assert all(len({each.id.partition("-")[0] for each in group}) == 1 for group in groups)
        busy = [0] * slots
        for group in groups:
            busy[busy.index(min(busy))] += len(group)
        assert max(busy) <= 1.1 * ceil(len(given) / slots), (counts, slots, most)


def test_only_seeds_and_texts_differ_in_a_group():
    ways = list(product((1, 2), "ab", ("euler", "heun"), (8, 16)))
    given = [
        job(
            number, f"Noise.seed={seed}", f"P.text={text}", f"S.solver={solver}", f"E.width={width}"
        )
        for number, (seed, text, solver, width) in enumerate(ways)
    ]
    given += [job("other", "Noise.seed=1", "P.text=a", workflow={"2": {}})]
    groups = packs_of(given, 0, lambda job: 1)
    kinds = [{ways[int(each)][2:] for each in group if each != "other"} for group in ids(groups)]
    assert sorted(len(group) for group in groups) == [1, 4, 4, 4, 4]
    assert all(len(kind) <= 1 for kind in kinds)
    assert ["other"] in ids(groups)


def test_few_jobs_are_looked_at():
    looked = []
    kinds = [job(f"{kind}-{seed}", f"S.steps={kind}", f"N.seed={seed}") for kind in range(30)
             for seed in range(2 if kind else 1)]  # fmt: skip

    def tokens_of(job):
        looked.append(job.id)
        return 1

    groups = packs_of(kinds, 0, tokens_of)
    assert len(looked) == MOST_LOOKED_AT
    assert sorted(len(group) for group in groups) == [1] * (1 + 2 * 9) + [2] * MOST_LOOKED_AT
    assert packs_of(kinds, 1, tokens_of) == [(each,) for each in kinds]
    assert len(looked) == MOST_LOOKED_AT


@pytest.fixture
def groups(tmp_path):
    """Names of the jobs of each group that the manifest of a folder's last batch holds."""

    def of_last(output):
        contents = read_manifest(manifests(tmp_path / output)[0])
        return [[record.job.name for record in group] for group in contents.groups]

    return of_last


def test_groups_are_fixed_before_work_starts(batch, write, graph, groups, monkeypatch, tmp_path):
    graph["15"] = node("SaveImage", images=["12", 0], filename_prefix="frame")
    clip, images = write(graph, "clip.json"), write({**graph, "14": graph["15"]}, "images.json")

    def stop(*given):
        raise BatchStopped("before the first job")

    with monkeypatch.context() as patched:
        patched.setattr(here.Here, "run", stop)
        assert batch(clip, images, seeds="1-3", output="whole") == 1
    together = [[f"{name}_{number}" for number in (1, 2, 3)] for name in ("clip", "images")]
    assert groups("whole") == together
    assert batch(output="whole", resume=True) == 0
    assert batch(clip, images, seeds="1-3", output="alone", settings={"pack": 1}) == 0
    assert groups("alone") == [[name] for group in together for name in group]
    assert results(tmp_path / "whole") == results(tmp_path / "alone")
    assert batch(clip, seeds="1-3", output="twos", settings={"pack": 2}) == 0
    assert groups("twos") == [["clip_1"], ["clip_2", "clip_3"]]


def test_a_group_is_run_again_whole(batch, write, graph, groups, records, monkeypatch, tmp_path):
    """And what of it was done stays."""
    clip, asked, ended, run = write(graph, "clip.json"), [], [], here.Here.run

    def run_to_the_end_of_one(self, tasks, tell):
        def tell_and_stop(event):
            ends = isinstance(event, here.JobDone)
            if not (ends and ended):  # the next job may end before it hears of the stop
                tell(event)
            if ends:
                ended.append(event)
                raise KeyboardInterrupt

        run(self, tasks, tell_and_stop)

    with monkeypatch.context() as patched:
        patched.setattr(here.Here, "run", run_to_the_end_of_one)
        assert batch(clip, seeds="1-3") == 130
    assert [record.state == DONE for record in records().values()] == [True, False, False]
    first = results(tmp_path / "output")
    together = NetworkCall.together

    def counted(self, questions, kept):
        asked.append(len(questions))
        return together(self, questions, kept)

    monkeypatch.setattr(NetworkCall, "together", counted)
    assert batch(resume=True) == 0
    assert asked == [3, 3]
    assert results(tmp_path / "output").items() > first.items()
    assert batch(clip, seeds="1-3", output="alone", settings={"pack": 1}) == 0
    assert results(tmp_path / "output") == results(tmp_path / "alone")


def test_what_is_found_out_before_is_silent(batch, write, graph, groups, monkeypatch, capfd):
    """A job tells by itself what it warns of, or why it cannot run."""
    logger, heard = logging.getLogger("spacetime_video"), []

    def warn_and_fail(*given):
        heard.append([type(handler).__name__ for handler in logger.handlers])
        raise ValueError("no size")

    monkeypatch.setattr(sizes, "tokens_at_first", warn_and_fail)
    assert batch(write(graph, "clip.json"), seeds="1-2") == 0
    assert heard == [["_Warnings"]]
    assert groups("output") == [["clip_1"], ["clip_2"]]
    assert "no size" not in capfd.readouterr().err


def test_a_graph_that_samples_nothing_is_run_job_by_job(batch, write, groups):
    images = node("SpacetimeExampleClip", "Clip", **CLIP)
    save = node("SaveImage", images=["1", 0], filename_prefix="frame")
    assert batch(write({"1": images, "2": save}, "clip.json"), seeds="1-2") == 0
    assert groups("output") == [["clip_1"], ["clip_2"]]


CLIP = {
    "seed": 1, "width": 16, "height": 16, "frames": 1, "fps": 8.0,
    "shape": "any", "colour": "any", "motion": "any", "setting": "any",
    "kind": "single", "style": "shaded", "camera": "still",
}  # fmt: skip
