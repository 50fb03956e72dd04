"""What happens before a run takes time that grows with the graph, not with its square."""

import random
import time

import pytest

from spacetime_video.graph.addresses import Addresses
from spacetime_video.graph.dynamic_prompts import choose
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


MANY = 20_000
"""Of things of which a graph has a few."""


def many_inputs(api):
    names = {f"x{number}.codec": number for number in range(MANY)}
    if api:
        return {"1": {"class_type": "SaveVideo", "inputs": names}}
    slots = [slot(name, None, widget={"name": name}) for name in names]
    return {"nodes": [number(1, type="SaveVideo", inputs=slots, widgets_values=names)], "links": []}


def inputs_of_a_subgraph():
    value = slot("value", 1, widget={"name": "value"})
    wires = [[place, -10, place, 1, 0, "INT"] for place in range(MANY)]
    definition = {
        "id": "sub",
        "nodes": [number(1, type="PrimitiveInt", inputs=[value])],
        "links": wires,
        "inputs": [{"name": f"v{place}", "type": "INT"} for place in range(MANY)],
    }
    use = number(2, type="sub", widgets_values=[1] * MANY)
    return {"nodes": [use], "links": [], "definitions": {"subgraphs": [definition]}}


def names_that_are_got():
    keys = range(1, MANY // 2)
    gets = [number(key, type="GetNode", widgets_values=[f"x{key}"]) for key in keys]
    shows = [number(-key, type="PreviewAny", inputs=[slot("source", key)]) for key in keys]
    return {"nodes": [*gets, *shows], "links": [[key, key, 0, -key, 0, "INT"] for key in keys]}


@pytest.mark.parametrize(
    "workflow",
    [many_inputs(api=True), many_inputs(api=False), inputs_of_a_subgraph(), names_that_are_got()],
    ids=["inputs", "drawn inputs", "inputs of a subgraph", "names"],
)
def test_many_of_what_there_are_few(registry, workflow):
    began = time.process_time()
    to_api(workflow, registry)
    assert time.process_time() - began < SECONDS


def test_many_links_through_many_reroutes(registry):
    began = time.process_time()
    workflow = chained(reroute, MANY // 2)
    for key in range(MANY // 2, MANY):
        end = slot("source", MANY // 2)
        workflow["nodes"].append(number(key, type="PreviewAny", inputs=[end]))
    with pytest.raises(WorkflowError, match="links pass 1000000 reroutes"):
        to_api(workflow, registry)
    assert time.process_time() - began < SECONDS


def test_many_links_through_a_node_of_many_inputs(registry):
    began = time.process_time()
    inputs = [slot(f"x{key}", None) for key in range(MANY // 4)]
    bypassed = number(1, type="Many", mode=4) | {"inputs": inputs}
    keys = range(2, MANY // 4)
    shows = [number(key, type="PreviewAny", inputs=[slot("source", key)]) for key in keys]
    workflow = {"nodes": [bypassed, *shows], "links": [[key, 1, 0, key, 0, "INT"] for key in keys]}
    with pytest.raises(WorkflowError, match="links pass 1000000 reroutes"):
        to_api(workflow, registry)
    assert time.process_time() - began < SECONDS


@pytest.mark.parametrize(
    "text",
    ["{" * MANY, "{" * MANY + "}" * MANY, "{a|" * MANY, "/*" * MANY, "/*" * MANY + "//"],
    ids=["open", "nested", "options", "comments", "a line"],
)
def test_prompts_of_braces_and_comments(text):
    began = time.process_time()
    assert choose(text, random.Random(0)) == choose(text, random.Random(0))
    assert time.process_time() - began < 1


def test_titles_of_spaces(registry):
    began = time.process_time()
    node = {"class_type": "PreviewAny", "inputs": {}, "_meta": {"title": " " * MANY * 5 + "x"}}
    assert not Addresses({"1": node}, registry).has_tag("x")
    assert time.process_time() - began < 1
