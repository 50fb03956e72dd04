"""Graphs of anyone: whatever is wrong in their JSON, an error says so; nothing hangs or crashes."""

import json
import re
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from spacetime_video import hosts
from spacetime_video.graph.errors import GraphError, NodeFailed, WorkflowError
from spacetime_video.graph.main_inputs import prompt_inputs, seed_inputs
from spacetime_video.graph.ui_graph import read_node
from spacetime_video.graph.validate import validate
from spacetime_video.graph.widgets import widget_values
from spacetime_video.graph.workflow import parse_workflow, to_api
from spacetime_video.headless.batch.jobs.options import JobOptions
from spacetime_video.headless.check.command import CheckOptions, check_command
from spacetime_video.headless.check.needs import needs_of
from spacetime_video.headless.engine import Engine, Job, standalone_registry
from spacetime_video.headless.failure import LONGEST_MESSAGE, message_of
from spacetime_video.headless.prompt import prompt_of
from spacetime_video.hosts.standalone.folders import Folders, use_folders
from spacetime_video.hosts.standalone.host import StandaloneHost
from spacetime_video.media.limits import MOST_PIXELS

from .mutations import Saved, mutated

ROOT = Path(__file__).parents[2]
FILES = (
    *ROOT.glob("example_workflows/*.json"),
    *ROOT.glob("subgraphs/*.json"),
    *ROOT.glob("tests/host/graphs/*.json"),
    *ROOT.glob("tests/workflows/released/*/*.json"),
)
SECONDS = 6
"""Of the processor for one graph, many times what any takes."""

RAW = re.compile(r"\b(?!FileNotFound)[A-Z]\w*(Error|Exception)\b|Traceback|check failed")
"""In messages that were not meant for people."""

FUZZ = {
    "deadline": None,
    "derandomize": True,
    "database": None,
    "phases": [Phase.generate, Phase.shrink],
    "suppress_health_check": list(HealthCheck),
}


def by_name(workflow, registry):
    """A drawn graph whose widgets are saved by their names, as some editors do."""
    for node in workflow["nodes"]:
        kind = registry.get(node["type"])
        if kind:
            node["widgets_values"] = widget_values(read_node(node, ""), kind.GET_SCHEMA())
    return workflow


def saved_graphs():
    """Every saved graph of the pack, in both formats, and with widgets by their places or names."""
    registry = standalone_registry(StandaloneHost(device="cpu", dtype="fp32"))
    for file in sorted(FILES):
        text = file.read_text(encoding="utf-8")
        yield Saved(file.stem, text)
        if "nodes" in json.loads(text):
            yield Saved(f"{file.stem} (API)", json.dumps(to_api(json.loads(text), registry)))
            yield Saved(f"{file.stem} (names)", json.dumps(by_name(json.loads(text), registry)))


GRAPHS = list(saved_graphs())


def node(class_type, **inputs):
    return {"class_type": class_type, "inputs": inputs}


WORLD = dict.fromkeys(("shape", "colour", "motion", "setting"), "any")
CHEAP = {
    "1": node("SpacetimeExampleClip", seed=3, width=32, height=32, frames=5, fps=8.0, **WORLD),
    "2": node("CreateVideo", images=["1", 0], fps=["1", 5]),
    "3": node(
        "SaveVideo", video=["2", 0], filename_prefix="a/%1.seed%", format="auto", codec="auto"
    ),
    "4": node(
        "ImageScale", image=["1", 0], upscale_method="area", width=16, height=0, crop="center"
    ),
    "5": node("SaveImage", images=["4", 0], filename_prefix="%date:yyyy%"),
    "6": node(
        "SpacetimeCannyEdges", images=["4", 0], low_threshold=0.1, high_threshold=0.3, blur=1.0
    ),
    "7": node(
        "SpacetimeCompareVideos",
        video_1=["6", 0],
        video_2=["4", 0],
        labels="a\nb",
        columns=0,
        scale=0,
    ),
    "8": node("PreviewImage", images=["7", 0]),
    "9": node("PreviewAny", source=["1", 7]),
    "10": node("SpacetimeShowTracks", tracks=["1", 4], image=["1", 0], radius=0.0, tail=2),
    "11": node("PreviewImage", images=["10", 1]),
    "12": node("EmptyLatentImage", width=32, height=32, batch_size=2),
    "13": node("RepeatLatentBatch", samples=["12", 0], amount=2),
    "14": node("PreviewAny", source=["13", 0]),
    "15": node("LoadImage", image="a.png"),
    "16": node("PreviewImage", images=["15", 0]),
    "17": node("SpacetimeSchedule", steps=4, shift=3.0),
    "18": node("SpacetimeSchedulePlot", sigmas=["17", 0], labels="x", scale="auto"),
    "19": node("PreviewImage", images=["18", 0]),
}


@pytest.fixture
def engine(standalone, tmp_path):
    yield Engine(StandaloneHost(models=tmp_path / "models", device="cpu", dtype="fp32"))
    hosts.use(standalone)


def refused(problem):
    """What the command says of a problem, which people must be able to read."""
    message = message_of(problem)
    assert not RAW.search(message), message
    assert len(message) < LONGEST_MESSAGE + 100
    message.encode()


def look_at(data, registry, folders):
    """All that a graph goes through before it is run, and what `spacetime check` reads of it."""
    began = time.process_time()
    try:
        workflow = parse_workflow(data, "the file")
        needs_of(workflow, registry, frozenset({"a.safetensors"}))
        with use_folders(folders):
            nodes = prompt_of(workflow, (), registry).nodes
            seed_inputs(nodes, registry)
            prompt_inputs(nodes, registry)
            validate(nodes, registry)
    except (WorkflowError, GraphError) as problem:
        refused(problem)
    assert time.process_time() - began < SECONDS


def run(data, engine, folders):
    """Run a graph whose nodes cost little; all that it writes lies in its folders."""
    began = time.process_time()
    try:
        engine.run(Job(workflow=parse_workflow(data, "the file"), folders=folders))
    except (WorkflowError, GraphError, NodeFailed) as problem:
        refused(problem)
    assert time.process_time() - began < SECONDS
    root = folders.output.parent
    assert {path.name for path in root.iterdir()} <= {"input", "output", "temp"}
    assert {path.name for path in folders.input.iterdir()} == {"a.png"}


@pytest.fixture
def folders(tmp_path):
    from PIL import Image

    root = tmp_path / "here"
    (root / "input").mkdir(parents=True)
    Image.new("RGB", (8, 8)).save(root / "input/a.png")
    return Folders.of(input=root / "input", output=root / "output", temp=root / "temp")


@settings(max_examples=500, **FUZZ)
@given(data=mutated(GRAPHS))
def test_any_graph_is_read_or_refused(data, engine, folders):
    look_at(data, engine.registry, folders)


@pytest.mark.slow
@settings(max_examples=10_000, **FUZZ)
@given(data=mutated(GRAPHS))
def test_any_graph_is_read_or_refused_many(data, engine, folders):
    look_at(data, engine.registry, folders)


@settings(max_examples=100, **FUZZ)
@given(data=mutated([Saved("cheap", json.dumps(CHEAP))], most=2))
def test_any_graph_runs_or_is_refused(data, engine, folders, monkeypatch):
    monkeypatch.setenv(MOST_PIXELS.variable, "200000")
    run(data, engine, folders)


@pytest.mark.slow
@settings(max_examples=2000, **FUZZ)
@given(data=mutated([Saved("cheap", json.dumps(CHEAP))], most=2))
def test_any_graph_runs_or_is_refused_many(data, engine, folders, monkeypatch):
    monkeypatch.setenv(MOST_PIXELS.variable, "200000")
    run(data, engine, folders)


def check(data, folders, capsys):
    """`spacetime check` of a file, with a batch's jobs."""
    began = time.process_time()
    file = folders.output.parent.parent / "graph.json"
    file.write_bytes(data)
    jobs = JobOptions(workflows=(file,), seeds="1-3", input_dir=folders.input)
    models = folders.input.parent / "models"
    options = CheckOptions(jobs=jobs, models_dir=models, estimate=False, json_line=True)
    assert check_command(options) in (0, 1)
    said = capsys.readouterr()
    assert not RAW.search(said.err), said.err
    assert isinstance(json.loads(said.out)["problems"], list)
    assert time.process_time() - began < SECONDS


@settings(max_examples=20, **FUZZ)
@given(data=mutated(GRAPHS))
def test_any_graph_is_checked(data, folders, capsys, standalone):
    check(data, folders, capsys)
    hosts.use(standalone)


@pytest.mark.slow
@settings(max_examples=500, **FUZZ)
@given(data=mutated(GRAPHS))
def test_any_graph_is_checked_many(data, folders, capsys, standalone):
    check(data, folders, capsys)
    hosts.use(standalone)


def test_the_cheap_graph_is_whole(engine, folders):
    result = engine.run(Job(workflow=CHEAP, folders=folders))
    assert len(result.executed) == len(CHEAP)
