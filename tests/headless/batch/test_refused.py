"""Jobs that cannot run are told before a batch begins, and the others run."""

import json

import pytest

from spacetime_video import hosts
from spacetime_video.graph.errors import NodeFailed
from spacetime_video.headless.batch import refused as looking
from spacetime_video.headless.batch.job import BatchJob
from spacetime_video.headless.batch.kinds import jobs_by_form
from spacetime_video.headless.batch.manifest import DONE, FAILED
from spacetime_video.headless.batch.refused import refused_jobs, told_together
from spacetime_video.headless.batch.settings import BatchSettings
from spacetime_video.models.dit.network import VideoDiT

from ..conftest import node

EMPTY = "the positive prompt is empty"


@pytest.fixture
def refused(tmp_path, models_dir, standalone):
    """What is told of jobs of a graph, by their ids."""
    folders = {"input_dir": str(tmp_path / "input"), "output_dir": str(tmp_path / "output")}
    settings = BatchSettings.of({}, {**folders, "models_dir": str(models_dir), "dtype": "fp32"})
    yield lambda jobs, **options: refused_jobs(jobs, settings, **options)
    assert hosts.host() is standalone


def job(id, graph, *assignments):
    return BatchJob(id=id, name=f"clip {id}", source="", workflow=graph, assignments=assignments)


@pytest.fixture
def seen(monkeypatch):
    """Texts of the prompts of jobs that were looked at."""
    texts, look = [], looking.refusal_of

    def count(checked, prompt, *given, **named):
        texts.append(prompt["2"]["inputs"]["text"])
        return look(checked, prompt, *given, **named)

    monkeypatch.setattr(looking, "refusal_of", count)
    return texts


def test_each_form_is_looked_at_once(refused, graph, seen):
    jobs = [
        job("1", graph, "Prompt.text=a cube", "Noise.seed=1"),
        job("2", graph, "Prompt.text=a cone", "Noise.seed=2"),
        job("3", graph, "Prompt.text= ", "Noise.seed=3"),
        job("4", graph, "Prompt.text=", "Noise.seed=4"),
        job("5", graph, "Prompt.text=a ball", "Size.frames=9"),
    ]
    found = refused(jobs)
    assert seen == ["a cube", " ", "", "a ball"]
    assert list(found) == ["3", "4"]
    assert all(EMPTY in each.message and each.node == "Denoiser" for each in found.values())
    (line,) = told_together(jobs, found)
    assert line.startswith("2 jobs cannot run (clip 3, clip 4): ")
    assert EMPTY in line


def test_a_job_is_refused_for_what_is_its_own(refused, graph, monkeypatch):
    def refuse(checked, prompt, *given, **named):
        if prompt["2"]["inputs"]["text"] != "a cone":
            return None
        return NodeFailed("2", "Prompt", "X", ValueError("no cones"), {})

    monkeypatch.setattr(looking, "refusal_of", refuse)
    jobs = [job(str(n), graph, f"Prompt.text=a {what}") for n, what in enumerate(("cone", "cube"))]
    assert list(refused(jobs)) == ["0"]


def test_what_is_wrong_with_a_graph_is_told_where_that_is_asked(refused, graph):
    graph["20"] = node("NoSuchNode")  # which another machine may have
    assert refused([job("1", graph)]) == {}
    found = refused([job("1", graph)], wrong_too=True)
    assert "NoSuchNode" in found["1"].message


def test_it_is_told_that_many_kinds_take_a_while(refused, graph, monkeypatch):
    told = []
    monkeypatch.setattr(looking, "refusal_of", lambda *given, **named: None)
    jobs = [job(str(n), graph, f"Size.frames={1 + 4 * n}") for n in range(looking.MANY + 1)]
    refused(jobs[:-1], tell=told.append)
    refused(jobs, tell=told.append)
    assert told == ["checking 51 kinds of jobs before the first one starts"]


def test_there_is_an_end_to_looking(refused, graph, monkeypatch):
    monkeypatch.setattr(looking, "MOST_SECONDS", -1.0)
    assert refused([job("1", graph, "Prompt.text=")]) == {}


def test_lines_and_blanks_make_forms():
    graph = {}
    texts = ["a", "b", "", " ", "a\nb", "c\nd"]
    forms = jobs_by_form(job(str(n), graph, f"P.text={text}") for n, text in enumerate(texts))
    assert [[each.id for each in form] for form in forms] == [["0", "1"], ["2", "3"], ["4", "5"]]


@pytest.fixture
def evaluations(monkeypatch):
    forward, calls = VideoDiT.forward, []

    def count(self, *given, **options):
        calls.append(1)
        return forward(self, *given, **options)

    monkeypatch.setattr(VideoDiT, "forward", count)
    return calls


def test_the_others_run(batch, write, graph, records, evaluations, capfd, tmp_path):
    good = write(graph, "good.json")
    graph["22"] = node("SpacetimeViewTimeline", "View", latent=["11", 0])
    bad = write(graph, "bad.json")

    assert batch(bad, good, seeds="1-2", quiet=False) == 1

    told = capfd.readouterr().err
    states = {each.job.name: each.state for each in records().values()}
    assert states == {"bad_1": FAILED, "bad_2": FAILED, "good_1": DONE, "good_2": DONE}
    assert "2 jobs cannot run (bad_1, bad_2): " in told
    assert "this latent has no given frames" in told
    assert len(evaluations) == 2  # of the good jobs, which go together
    failed = next(each for each in records().values() if each.state == FAILED)
    assert (failed.node, "no given frames" in failed.error) == ("View", True)
    groups = {each.job.name: each.group for each in records().values()}
    assert groups["bad_1"] != groups["bad_2"]


def test_nothing_runs_where_all_are_refused_and_again(batch, write, graph, records, evaluations):
    graph["22"] = node("SpacetimeViewTimeline", "View", latent=["11", 0])
    assert batch(write(graph, "bad.json")) == 1
    assert batch(retry_failed=True) == 1
    assert [each.state for each in records().values()] == [FAILED]
    assert evaluations == []


def test_processes_are_not_asked(batch, write, graph, records, tmp_path):
    from spacetime_video.headless.batch.backends import BackendOptions

    graph["22"] = node("SpacetimeViewTimeline", "View", latent=["11", 0])
    assert batch(write(graph, "bad.json"), backend=BackendOptions(workers=1), json_lines=True) == 1
    (record,) = records().values()
    assert "no given frames" in record.error


def test_programs_hear_of_them(batch, write, graph, capfd):
    graph["2"]["inputs"]["text"] = ""
    assert batch(write(graph, "bad.json"), json_lines=True) == 1
    failed, end = map(json.loads, capfd.readouterr().out.splitlines())
    assert EMPTY in failed["error"]
    assert (end["failed"], end["done"]) == (1, 0)
