"""What happens before a run takes time that grows with the graph, not with its square."""

import time

import pytest

from spacetime_video.graph.errors import WorkflowError
from spacetime_video.graph.executor import Executor
from spacetime_video.graph.workflow import to_api
from spacetime_video.graph.write_back import write_back
from spacetime_video.headless.engine import standalone_registry

SIZE = 1000
SECONDS = 6
"""Many times what it takes on a quiet machine, and a fraction of what squares take."""


@pytest.fixture
def registry(standalone):
    return standalone_registry(standalone)


def number(key, **more):
    outputs = [{"name": "INT", "type": "INT"}]
    return {"id": key, "inputs": [], "outputs": outputs, **more}


def chained(middle, size=SIZE):
    """A number through many nodes to one that shows it."""
    nodes = [number(1, type="PrimitiveInt", widgets_values=[5, "fixed"])]
    for key in range(2, size):
        nodes.append(number(key, **middle(key)))
    nodes.append(number(size, type="PreviewAny", inputs=[slot("source", size)]))
    links = [[key, key - 1, 0, key, 0, "INT"] for key in range(2, size + 1)]
    return {"nodes": nodes, "links": links, "version": 0.4}


def slot(name, link, **more):
    return {"name": name, "type": "INT", "link": link, **more}


def reroute(key):
    return {"type": "Reroute", "inputs": [slot("", key)]}


def primitive(key):
    value = slot("value", key, widget={"name": "value"})
    return {"type": "PrimitiveInt", "inputs": [value], "widgets_values": [key, "fixed"]}


def muted_second(key):
    return {**primitive(key), "mode": 2 if key == 2 else 0}


@pytest.mark.parametrize("middle", [reroute, primitive, muted_second])
def test_chains(registry, middle):
    began = time.process_time()
    workflow = chained(middle)
    prompt = to_api(workflow, registry)
    assert write_back(workflow, prompt, registry) == workflow
    if middle is not muted_second:
        shown = Executor(registry).run(prompt)
        assert shown.outputs[str(SIZE)]["text"] == ("5",) or shown.outputs[str(SIZE)]["text"] == [
            "5"
        ]
    assert time.process_time() - began < SECONDS


@pytest.mark.parametrize(("uses", "inside"), [(9000, 100), (300, 3000)])
def test_subgraphs_that_open_into_too_many_nodes(registry, uses, inside):
    began = time.process_time()
    nodes = [number(key, type="PrimitiveInt", widgets_values=[1]) for key in range(inside)]
    definition = {"id": "sub", "nodes": nodes, "links": []}
    workflow = {
        "nodes": [number(key, type="sub") for key in range(uses)],
        "links": [],
        "definitions": {"subgraphs": [definition]},
    }
    with pytest.raises(WorkflowError, match="more than 20000 nodes"):
        to_api(workflow, registry)
    assert time.process_time() - began < SECONDS
