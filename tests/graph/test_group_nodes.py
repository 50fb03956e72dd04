"""Group nodes of older editors; tests/host compares the same graph with the editor's own prompt."""

import json
from pathlib import Path

import pytest

from spacetime_video.graph.errors import WorkflowError
from spacetime_video.graph.workflow import to_api
from spacetime_video.headless.engine import standalone_registry

GRAPH = Path(__file__).parents[1] / "host" / "graphs" / "group_nodes.json"


@pytest.fixture
def registry(standalone):
    return standalone_registry(standalone)


@pytest.fixture
def graph():
    return json.loads(GRAPH.read_text(encoding="utf-8"))


def group(graph, name="Draw"):
    return graph["extra"]["groupNodes"][name]


def test_nodes_of_a_group_are_linked_and_have_the_values_of_the_instance(graph, registry):
    prompt = to_api(graph, registry)
    assert {key: node["class_type"] for key, node in prompt.items()} == {
        "1": "SpacetimeLoadModels",
        "2:0": "CLIPTextEncode",
        "2:1": "CLIPTextEncode",
        "3:1": "EmptySD3LatentImage",
        "3:2": "KSampler",
        "3:3": "VAEDecode",
        "5": "SaveImage",
        "6": "PreviewAny",
    }
    assert prompt["2:0"]["inputs"] == {
        "text": "a red cube moves left at night",
        "clip": ["1", 1],
    }
    assert prompt["2:1"]["inputs"] == {"text": "", "clip": ["1", 1]}
    assert prompt["3:1"]["inputs"] == {"width": 48, "height": 32, "batch_size": 1}
    assert prompt["3:2"]["inputs"] == {
        "model": ["1", 0],
        "seed": 7,
        "steps": 4,
        "cfg": 3.5,
        "sampler_name": "heun",
        "scheduler": "normal",
        "positive": ["2:0", 0],
        "negative": ["2:1", 0],
        "latent_image": ["3:1", 0],
        "denoise": 0.9,
    }
    assert prompt["3:3"]["inputs"] == {"samples": ["3:2", 0], "vae": ["1", 2]}
    assert (prompt["5"]["inputs"]["images"], prompt["6"]["inputs"]["source"]) == (
        ["3:3", 0],
        ["3:2", 0],
    )


def test_a_widget_that_became_an_input_comes_last(graph, registry):
    widget = {"name": "cfg", "type": "FLOAT", "link": None, "widget": {"name": "cfg"}}
    group(graph)["nodes"][2]["inputs"].append(widget)
    instance = graph["nodes"][2]
    instance["inputs"].append({**widget, "link": 20})
    values = instance["widgets_values"]
    values.append(values.pop(6))
    graph["nodes"].append({"id": 9, "type": "PrimitiveFloat", "widgets_values": [6.5]})
    graph["links"].append([20, 9, 0, 3, 4, "FLOAT"])
    inputs = to_api(graph, registry)["3:2"]["inputs"]
    assert (inputs["cfg"], inputs["sampler_name"], inputs["denoise"]) == (["9", 0], "heun", 0.9)
    graph["links"].pop()
    assert to_api(graph, registry)["3:2"]["inputs"]["cfg"] == 3.5


def test_reroutes_in_a_group_are_followed(graph, registry):
    wanted = to_api(graph, registry)
    draw = group(graph)
    slots = {"inputs": [{"name": "", "type": "*"}], "outputs": [{"name": "", "type": "LATENT"}]}
    draw["nodes"].append({"type": "Reroute", **slots})
    draw["links"][2:] = [[2, 0, 4, 0], [4, 0, 3, 0]]
    assert to_api(graph, registry) == wanted


def test_the_older_sign_before_the_name_is_read(graph, registry):
    wanted = to_api(graph, registry)
    for node in graph["nodes"]:
        node["type"] = node["type"].replace("workflow>", "workflow/")
    assert to_api(graph, registry) == wanted


def test_renamed_inputs_are_found_by_their_places(graph, registry):
    wanted = to_api(graph, registry)
    for slot in graph["nodes"][2]["inputs"]:
        slot["name"] = f"my {slot['name']}"
    assert to_api(graph, registry) == wanted


def test_what_the_user_has_hidden_has_no_place(graph, registry):
    group(graph)["config"] = {
        "1": {"input": {"width": {"visible": False}}},
        "2": {"output": {"0": {"visible": False}}},
    }
    del graph["nodes"][2]["widgets_values"][2]
    graph["links"][6][2] = 0
    prompt = to_api(graph, registry)
    assert prompt["3:1"]["inputs"]["width"] == 64
    assert prompt["3:1"]["inputs"]["height"] == 32
    assert prompt["5"]["inputs"]["images"] == ["3:3", 0]


def test_groups_in_groups_are_opened(graph, registry):
    inner = {"type": "workflow>Draw", "inputs": [], "outputs": [], "widgets_values": []}
    group(graph, "Texts")["nodes"].append(inner)
    assert "2:2:1" in to_api(graph, registry)
    group(graph)["nodes"].append(inner)
    with pytest.raises(WorkflowError, match="contain themselves"):
        to_api(graph, registry)


@pytest.mark.parametrize(
    "broken", [3, {}, {"nodes": [3], "links": []}, {"nodes": [], "links": [[0, "x"]]}]
)
def test_a_broken_group_is_named(graph, registry, broken):
    graph["extra"]["groupNodes"]["Draw"] = broken
    with pytest.raises(WorkflowError, match="group node workflow>Draw is broken"):
        to_api(graph, registry)
