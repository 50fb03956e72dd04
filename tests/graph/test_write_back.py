"""What was set on the command line stands in the workflow that the file carries."""

import json
from pathlib import Path

import pytest

from spacetime_video.graph.assign import set_input
from spacetime_video.graph.workflow import to_api
from spacetime_video.graph.write_back import write_back
from spacetime_video.headless.engine import standalone_registry

EXAMPLE = Path(__file__).parents[2] / "example_workflows/text_to_video.json"


@pytest.fixture
def registry(standalone):
    return standalone_registry(standalone)


@pytest.fixture
def workflow():
    return json.loads(EXAMPLE.read_text(encoding="utf-8"))


def test_values_go_into_their_widgets(workflow, registry) -> None:
    prompt = to_api(workflow, registry)
    for assignment in (
        "Prompt.text=a blue cone",
        "Noise.seed=7",
        "Size.height=64",
        "Size.width=96",
    ):
        prompt = set_input(prompt, assignment, registry)
    drawn = write_back(workflow, prompt, registry)
    assert drawn is not None
    assert to_api(drawn, registry) == prompt
    values = {node["title"]: node["widgets_values"] for node in drawn["nodes"]}
    assert values["Noise"] == [7, "fixed"]
    assert values["Size"] == [96, 64, 17, 16]
    assert values["Prompt"] == ["a blue cone"]
    assert workflow == json.loads(EXAMPLE.read_text(encoding="utf-8"))


def test_values_stored_by_name(workflow, registry) -> None:
    noise = next(node for node in workflow["nodes"] if node["title"] == "Noise")
    noise["widgets_values"] = {"seed": 1}
    prompt = set_input(to_api(workflow, registry), "Noise.seed=9", registry)
    drawn = write_back(workflow, prompt, registry)
    assert drawn is not None
    assert to_api(drawn, registry) == prompt


def test_values_stored_both_ways_stay_equal(workflow, registry) -> None:
    noise = next(node for node in workflow["nodes"] if node["title"] == "Noise")
    noise["widgets_values_named"] = {"seed": 1, "control_after_generate": "fixed"}
    noise["widgets_values"] = [1, "fixed"]
    prompt = set_input(to_api(workflow, registry), "Noise.seed=9", registry)
    drawn = write_back(workflow, prompt, registry)
    assert drawn is not None
    assert to_api(drawn, registry) == prompt
    noise = next(node for node in drawn["nodes"] if node["title"] == "Noise")
    assert noise["widgets_values_named"] == {"seed": 9, "control_after_generate": "fixed"}
    assert noise["widgets_values"] == [9, "fixed"]


def test_a_replaced_link_cannot_be_drawn(workflow, registry) -> None:
    prompt = set_input(to_api(workflow, registry), "Create Video.fps=8", registry)
    assert write_back(workflow, prompt, registry) is None
