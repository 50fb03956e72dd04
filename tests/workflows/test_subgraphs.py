"""The blueprints: each file is one subgraph node, and runs when it is put into a graph."""

import copy
import json
from pathlib import Path

import pytest

from spacetime_video.graph.workflow import to_api
from spacetime_video.media import probe_video

FOLDER = Path(__file__).parents[2] / "subgraphs"
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))
EXAMPLE = Path(__file__).parents[2] / "example_workflows" / "text_to_video_short.json"

every_blueprint = pytest.mark.parametrize("name", NAMES)


def read(name: str) -> dict:
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


@pytest.fixture
def example() -> dict:
    return json.loads(EXAMPLE.read_text(encoding="utf-8"))


def test_the_blueprints_are_all_there() -> None:
    assert NAMES == ["Sample and Decode", "Text to Video"]


@every_blueprint
def test_a_file_is_one_node_that_the_editor_can_publish(name: str) -> None:
    """The editor's rule for blueprints, and their name is the file's."""
    workflow = read(name)
    (node,), (subgraph,) = workflow["nodes"], workflow["definitions"]["subgraphs"]
    assert node["type"] == subgraph["id"]
    assert node["title"] == subgraph["name"] == name
    assert workflow["extra"]["BlueprintDescription"].endswith(".")
    for side in ("inputs", "outputs"):
        outside = [(slot["name"], slot["type"]) for slot in node[side]]
        assert outside == [(slot["name"], slot["type"]) for slot in subgraph[side]]


@every_blueprint
def test_links_inside_lead_from_slot_to_slot(name: str) -> None:
    (subgraph,) = read(name)["definitions"]["subgraphs"]
    nodes = {node["id"]: node for node in subgraph["nodes"]}
    for link in subgraph["links"]:
        number, origin, target = link["id"], link["origin_id"], link["target_id"]
        if origin == -10:
            assert number in subgraph["inputs"][link["origin_slot"]]["linkIds"]
        else:
            assert number in nodes[origin]["outputs"][link["origin_slot"]]["links"]
        if target == -20:
            assert number in subgraph["outputs"][link["target_slot"]]["linkIds"]
        else:
            assert nodes[target]["inputs"][link["target_slot"]]["link"] == number


def put(example: dict, name: str) -> dict:
    """The example with the blueprint in the place of the nodes that it stands for."""
    blueprint, graph = read(name), copy.deepcopy(example)
    (node,), (subgraph,) = blueprint["nodes"], blueprint["definitions"]["subgraphs"]
    replaced = {each["type"] for each in subgraph["nodes"]}
    feeds = {
        (each["type"], slot["name"]): slot["link"]
        for each in graph["nodes"]
        for slot in each["inputs"]
    }
    inside = {each["id"]: each for each in subgraph["nodes"]}
    for place, slot in enumerate(node["inputs"]):
        ends = [link for link in subgraph["links"] if link["origin_id"] == -10]
        (end,) = [link for link in ends if link["origin_slot"] == place]
        target = inside[end["target_id"]]
        if "widget" not in slot:
            name_inside = target["inputs"][end["target_slot"]]["name"]
            slot["link"] = feeds[target["type"], name_inside]
    node["id"] = 100
    graph["nodes"] = [each for each in graph["nodes"] if each["type"] not in replaced]
    kept = {each["id"] for each in graph["nodes"]}
    links = []
    for link in graph["links"]:
        number, origin, slot, target, target_slot, kind = link
        if target not in kept:
            continue
        links.append([number, origin if origin in kept else 100, slot, target, target_slot, kind])
    incoming = [
        [slot["link"], *_origin(graph, slot["link"]), 100, place, slot["type"]]
        for place, slot in enumerate(node["inputs"])
        if slot["link"] is not None
    ]
    graph["links"] = [*links, *incoming]
    graph["nodes"].append(node)
    graph["definitions"] = blueprint["definitions"]
    return graph


def _origin(graph: dict, number: int) -> tuple[int, int]:
    (link,) = [link for link in graph["links"] if link[0] == number]
    return link[1], link[2]


@every_blueprint
def test_it_means_what_the_example_means(name: str, example, registry) -> None:
    """Opened, its nodes have the inputs of the example's, so the result is the example's."""

    def meaning(prompt: dict) -> list:
        kinds = {key: node["class_type"] for key, node in prompt.items()}
        return sorted(
            json.dumps([node["class_type"], _named(node["inputs"], kinds)], sort_keys=True)
            for node in prompt.values()
        )

    assert meaning(to_api(put(example, name), registry)) == meaning(to_api(example, registry))


def _named(inputs: dict, kinds: dict) -> dict:
    """Inputs with links as the kind of node and the slot that they come from."""
    return {
        name: [kinds[value[0]], value[1]] if isinstance(value, list) else value
        for name, value in inputs.items()
    }


@every_blueprint
def test_it_runs(name: str, example, registry, run) -> None:
    (video,) = run(to_api(put(example, name), registry), steps=2)
    assert probe_video(video).frames == 17


def test_its_own_widgets_are_obeyed(example, registry) -> None:
    graph = put(example, "Text to Video")
    graph["nodes"][-1]["widgets_values"][:3] = ["a white cone spins at day", "", 96]
    inputs = [node["inputs"] for node in to_api(graph, registry).values()]
    assert "a white cone spins at day" in [each.get("text") for each in inputs]
    assert 96 in [each.get("width") for each in inputs]
