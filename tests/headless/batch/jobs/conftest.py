"""The nodes of the command, and batches over a small graph."""

import json

import pytest

from spacetime_video import hosts
from spacetime_video.headless.batch.jobs.make import jobs_of
from spacetime_video.headless.batch.jobs.options import JobOptions
from spacetime_video.headless.batch.jobs.problems import BatchError
from spacetime_video.headless.engine import standalone_registry


@pytest.fixture(scope="session")
def nodes(standalone):
    registry = standalone_registry(standalone)
    yield registry
    hosts.use(standalone)


def node(class_type, title=None, **inputs):
    meta = {"_meta": {"title": title}} if title else {}
    return {"class_type": class_type, "inputs": inputs, **meta}


@pytest.fixture
def small():
    """A clip of the toy world that is saved, and a text that is shown: a seed and a tagged text."""
    looks = dict.fromkeys(("shape", "colour", "motion", "setting"), "any")
    return {
        "1": node(
            "SpacetimeExampleClip",
            "Clip (Toy World)",
            seed=3,
            width=32,
            height=32,
            frames=5,
            fps=8.0,
            **looks,
        ),
        "2": node("CreateVideo", images=["1", 0], fps=8.0),
        "3": node(
            "SaveVideo", "Save", video=["2", 0], filename_prefix="x", format="auto", codec="auto"
        ),
        "4": node("PrimitiveString", "Words #text", value="a red cube"),
        "5": node("PreviewAny", "Show", source=["4", 0]),
    }


@pytest.fixture
def write(tmp_path):
    """Write a file: a graph as JSON, a text or bytes."""

    def write_file(name, content):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        text = content if isinstance(content, str | bytes) else json.dumps(content)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write_file


@pytest.fixture
def jobs(nodes, small, write, tmp_path):
    """Make the jobs of a batch over the small graph, or of other options."""
    graph = write("small.json", small)

    def make(**options):
        chosen = {"workflows": (graph,), "input_dir": tmp_path / "input"} | options
        return jobs_of(JobOptions(**chosen), nodes)

    return make


@pytest.fixture
def refused(jobs):
    """What is wrong with a batch."""

    def problems(**options):
        with pytest.raises(BatchError) as caught:
            jobs(**options)
        return list(caught.value.problems)

    return problems
