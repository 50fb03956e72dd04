"""Graphs as they were saved under earlier versions run for ever: these files never change."""

import json
from pathlib import Path

import pytest

from spacetime_video.graph.workflow import to_api
from spacetime_video.media import load_image, probe_video

RELEASED = Path(__file__).parent / "released"
GRAPHS = sorted(
    str(path.relative_to(RELEASED).with_suffix(""))
    for path in RELEASED.rglob("*.json")
    if not path.name.endswith(".api.json")
)

every_graph = pytest.mark.parametrize("graph", GRAPHS)


def read(name: str) -> dict:
    return json.loads((RELEASED / f"{name}.json").read_text(encoding="utf-8"))


def test_graphs_of_every_version_are_there() -> None:
    assert {graph.split("/")[0] for graph in GRAPHS} >= {"0.1.0", "0.2.0"}
    prompts = {path.name.removesuffix(".api.json") for path in RELEASED.rglob("*.api.json")}
    assert prompts == {graph.split("/")[1] for graph in GRAPHS}


@every_graph
def test_a_drawn_graph_still_means_the_same(graph: str, registry) -> None:
    """Inputs that came later are there with their defaults, the others as they were."""
    then, now = read(f"{graph}.api"), to_api(read(graph), registry)
    assert list(then) == list(now)
    for key, node in then.items():
        assert node["class_type"] == now[key]["class_type"]
        kept = {name: now[key]["inputs"].get(name) for name in node["inputs"]}
        assert kept == node["inputs"], node["class_type"]
        later = now[key]["inputs"].keys() - node["inputs"].keys()
        specs = {spec.id: spec for spec in registry[node["class_type"]].GET_SCHEMA().inputs}
        for name in later:
            assert specs[name].optional, f"{node['class_type']}.{name} is new and required"
            assert now[key]["inputs"][name] == specs[name].default


@every_graph
@pytest.mark.parametrize("form", ["drawn", "prompt"])
def test_it_runs(graph: str, form: str, registry, run) -> None:
    prompt = to_api(read(graph), registry) if form == "drawn" else read(f"{graph}.api")
    files = run(prompt, steps=2 if form == "drawn" else 1)
    assert files
    for path in files:
        if path.suffix == ".png":
            assert load_image(path).pixels.std() > 0.02
        else:
            assert probe_video(path).frames == 17
