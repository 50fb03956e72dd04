"""One engine runs job after job: models stay, folders are each job's own."""

import json
from pathlib import Path

import pytest

from spacetime_video.graph.errors import WorkflowError
from spacetime_video.graph.executor import NodeFinished
from spacetime_video.headless.engine import Engine, Job, saved_files
from spacetime_video.hosts.standalone.folders import Folders
from spacetime_video.hosts.standalone.host import StandaloneHost

EXAMPLE = Path(__file__).parents[2] / "example_workflows" / "text_to_video_short.json"


@pytest.fixture
def engine():
    return Engine(StandaloneHost(device="cpu"))


def job(folder, *assignments):
    folders = Folders.of(input=folder / "input", output=folder / "output", metadata=True)
    return Job(
        workflow=json.loads(EXAMPLE.read_text(encoding="utf-8")),
        folders=folders,
        assignments=assignments,
    )


def test_models_stay_between_jobs(engine, tmp_path):
    files = []
    titles = {"executed": [], "cached": []}
    for name, seed in (("first", 1), ("second", 2)):
        this, seen = job(tmp_path / name, "Schedule.steps=1", f"Noise.seed={seed}"), []
        result = engine.run(this, seen.append)
        files += [file for event in seen for file in saved_files(event, this.folders)]
        titles["executed"].append(len(result.executed))
        titles["cached"].append(len(result.cached))
    assert titles["cached"][0] == 0
    assert titles["cached"][1] >= 3
    assert titles["executed"][1] < titles["executed"][0]
    first, second = (Path(file) for file in files)
    assert first.parent == tmp_path / "first" / "output" / "video"
    assert second.parent == tmp_path / "second" / "output" / "video"
    assert first.read_bytes() != second.read_bytes()


def test_a_plan_runs_nothing(engine, tmp_path):
    graph = engine.plan(job(tmp_path))
    assert "Sample" in {node.title for node in graph.nodes.values()}
    assert not (tmp_path / "output").exists() or not list((tmp_path / "output").iterdir())
    with pytest.raises(WorkflowError, match="below the minimum"):
        engine.plan(job(tmp_path, "Schedule.steps=0"))


def test_only_a_finished_node_has_saved_something(tmp_path):
    shown = {"images": [{"filename": "a.png", "subfolder": "b", "type": "output"}], "text": ["c"]}
    event = NodeFinished(id="1", title="Save", class_type="SaveImage", seconds=0.1, ui=shown)
    folders = job(tmp_path).folders
    assert saved_files(event, folders) == [str(folders.output / "b" / "a.png")]
