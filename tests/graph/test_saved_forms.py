"""Saved graphs of every age and form: what the editor would send is what is read."""

import json

import pytest

from spacetime_video.graph.schema import HiddenHolder
from spacetime_video.graph.workflow import to_api
from spacetime_video.headless.engine import standalone_registry
from spacetime_video.hosts.standalone.folders import Folders, use_folders
from spacetime_video.hosts.standalone.saving import graph_metadata

API = {"5": {"class_type": "PreviewAny", "inputs": {"source": 3}}}


@pytest.fixture
def registry(standalone):
    return standalone_registry(standalone)


def inputs_of(workflow, key, registry):
    return to_api(workflow, registry)[key]["inputs"]


def ui(*nodes, links=(), **more):
    return {"nodes": list(nodes), "links": list(links), "version": 0.4, **more}


@pytest.mark.parametrize("control", [True, False, "fixed", "randomize"])
def test_seed_controls_of_every_age(registry, control):
    values = [7, control, 4, 3.0, "euler", "simple", 1.0]
    node = {"id": 1, "type": "KSampler", "inputs": [], "widgets_values": values}
    inputs = inputs_of(ui(node), "1", registry)
    assert (inputs["seed"], inputs["steps"], inputs["cfg"], inputs["denoise"]) == (7, 4, 3.0, 1.0)


def widget(name, link=None):
    return {"name": name, "type": "INT", "link": link, "widget": {"name": name}}


def with_subgraph(values, proxies=None):
    """An instance of a subgraph with two inputs: width, which two nodes share, and frames."""
    sizes = [
        {
            "id": key,
            "type": "SpacetimeEmptyVideo",
            "inputs": [widget("width", 10 * key), widget("frames", 10 * key + 1)],
            "widgets_values": [32 * key, 64, 4 * key + 1, 8.0],
        }
        for key in (1, 2)
    ]
    links = [
        {"id": 10 * key + slot, "origin_id": -10, "origin_slot": slot, "target_id": key,
         "target_slot": slot}
        for key in (1, 2) for slot in (0, 1)
    ]  # fmt: skip
    names = [{"name": "width"}, {"name": "frames"}]
    sub = {"id": "sub", "nodes": sizes, "links": links, "inputs": names}
    instance = {
        "id": 9,
        "type": "sub",
        "inputs": [widget("width"), widget("frames")],
        "widgets_values": values,
    }
    if proxies is not None:
        instance["properties"] = {"proxyWidgets": proxies}
    return ui(instance, definitions={"subgraphs": [sub]})


@pytest.mark.parametrize(
    ("values", "proxies", "wanted"),
    [
        ([48, 9], None, (48, 9)),
        ([9, 48], [["-1", "frames"], ["-1", "width"]], (48, 9)),
        ([None, 48, None, 9], [["1", "x"], ["-1", "width"], ["1", "y"], ["-1", "frames"]], (48, 9)),
        ([], [["1", "width"], ["1", "frames"]], (32, 5)),
        ([], None, (32, 5)),
        ([None, None], None, (32, 5)),
    ],
)
def test_values_of_a_subgraph_follow_its_list_of_widgets(registry, values, proxies, wanted):
    prompt = to_api(with_subgraph(values, proxies), registry)
    for key in ("9:1", "9:2"):
        assert (prompt[key]["inputs"]["width"], prompt[key]["inputs"]["frames"]) == wanted


@pytest.mark.parametrize(
    "body",
    [
        API,
        {"prompt": API, "client_id": "x"},
        {"prompt": [3, "0d1c", API, {}, ["5"]], "outputs": {}},
        {"0d1c": {"prompt": [3, "0d1c", API, {}, ["5"]], "outputs": {}}},
    ],
)
def test_requests_and_history_are_read(registry, body):
    assert to_api(body, registry) == API


def test_labels_and_switches_fall_away(registry):
    kinds = ("Label (rgthree)", "Bookmark (rgthree)", "Fast Groups Muter (rgthree)")
    decor = [{"id": key, "type": kind} for key, kind in enumerate(kinds)]
    shown = {"id": 9, "type": "PrimitiveInt", "inputs": [], "widgets_values": [3, "fixed"]}
    assert list(to_api(ui(*decor, shown), registry)) == ["9"]


def test_a_choice_of_a_choice_has_its_own_name(registry):
    inputs = {"format": "mp4", "format.codec": "h264"}
    prompt = to_api({"1": {"class_type": "SaveVideo", "inputs": inputs}}, registry)
    assert prompt["1"]["inputs"]["codec"] == "h264"


def test_what_is_no_number_stays_out_of_files(tmp_path):
    hidden = HiddenHolder(prompt={"1": {"a": [float("nan"), 1.5]}}, extra_pnginfo={"workflow": {}})
    with use_folders(Folders.of(output=tmp_path)):
        tags = graph_metadata(hidden)
    assert json.loads(tags["prompt"], parse_constant=pytest.fail) == {"1": {"a": [None, 1.5]}}


def test_a_model_is_found_by_either_stroke(standalone, tmp_path, models_dir):
    host = type(standalone)(models=tmp_path, device="cpu")
    (tmp_path / "vae/wan/high").mkdir(parents=True)
    (tmp_path / "vae/wan/high/model.safetensors").touch()
    wanted = tmp_path / "vae/wan/high/model.safetensors"
    assert host.files.model_path("vae", "wan\\high\\model.safetensors") == wanted
    assert host.files.model_path("vae", "wan/high/model.safetensors") == wanted
    for number in range(50):
        (tmp_path / f"vae/{number}.safetensors").touch()
    with pytest.raises(FileNotFoundError, match="and 46 more"):
        host.files.model_path("vae", "none.safetensors")
