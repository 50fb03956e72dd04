"""Graphs are converted by what a server says of its nodes as they are by the nodes themselves."""

import json
from pathlib import Path

import pytest

from spacetime_video.graph.assign import set_input
from spacetime_video.graph.errors import WorkflowError
from spacetime_video.graph.object_info import object_info
from spacetime_video.graph.server_nodes import file_inputs, server_nodes
from spacetime_video.graph.workflow import to_api
from spacetime_video.graph.write_back import write_back
from spacetime_video.headless.engine import standalone_registry

EXAMPLES = Path(__file__).parents[2] / "example_workflows"
CODECS = [["auto", "h264"], ["auto", "av1"]]


def sent(described):
    """As it comes over the wire."""
    return json.loads(json.dumps(described))


def codec(options):
    crf = {"required": {"crf": ["FLOAT", {"default": 23.0, "min": 0.0, "max": 51.0}]}}
    choices = [{"key": key, "inputs": {} if key == "auto" else crf} for key in options]
    return {"required": {"codec": ["COMFY_DYNAMICCOMBO_V3", {"options": choices}]}}


FORMATS = [
    {"key": key, "inputs": codec(codecs)}
    for key, codecs in zip(("mp4", "webm"), CODECS, strict=True)
]
SAVE = {
    "input": {
        "required": {
            "video": ["VIDEO", {}],
            "filename_prefix": ["STRING", {"default": "video/ComfyUI"}],
            "format": ["COMFY_DYNAMICCOMBO_V3", {"options": FORMATS}],
        },
        "optional": {"codec": ["COMFY_DYNAMICCOMBO_V3", {"options": [], "hidden": True}]},
    },
    "output": ["VIDEO"],
    "output_node": True,
}
OTHERS = {
    "LoadImage": {
        "input": {"required": {"image": [["a.png"], {"image_upload": True}]}},
        "output": ["IMAGE", "MASK"],
        "display_name": "Load Image",
    },
    "Old": {
        "input": {
            "required": {
                "unit": [["metre", "second"]],
                "seed": [
                    "INT",
                    {"default": 0, "min": 0, "max": 99, "control_after_generate": True},
                ],
                "colour": ["COLOUR", {"default": "#000000"}],
                "strength": ["FLOAT", {"default": 1.0, "forceInput": True}],
                "model": ["COMBO", {"remote": {"route": "/models"}}],
            }
        },
        "output": [["metre", "second"]],
    },
    "Grows": {
        "input": {"required": {"images": ["COMFY_AUTOGROW_V3", {"template": {"prefix": "image"}}]}},
        "output": ["IMAGE"],
    },
}


@pytest.fixture
def registry():
    return server_nodes(sent({"SaveVideo": SAVE, **OTHERS}))


def drawn(kind, names, values):
    slots = [{"name": name, "type": "*", "widget": {"name": name}} for name in names]
    return {"nodes": [{"id": 1, "type": kind, "inputs": slots, "widgets_values": values}]}


def inputs_of(workflow, registry):
    return to_api(workflow, registry)["1"]["inputs"]


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*.json")), ids=lambda file: file.stem)
def test_examples_convert_alike(file, standalone):
    ours = standalone_registry(standalone)
    theirs = server_nodes(sent(object_info(ours.values(), module="spacetime")))
    workflow = json.loads(file.read_text(encoding="utf-8"))
    assert to_api(workflow, theirs) == to_api(workflow, ours)


def test_a_choices_own_inputs_keep_the_names_of_newer_hosts(registry):
    names = ["filename_prefix", "format", "format.codec", "format.codec.crf"]
    read = inputs_of(drawn("SaveVideo", names, ["clip", "webm", "av1", 30.0]), registry)
    assert read == dict(zip(names, ["clip", "webm", "av1", 30.0], strict=True))
    for codec, brought in (("auto", {}), ("av1", {"format.codec.crf": 23.0})):
        read = inputs_of(drawn("SaveVideo", names[:3], ["clip", "webm", codec]), registry)
        chosen = {"format": "webm", "format.codec": codec, **brought}
        assert read == {"filename_prefix": "clip", **chosen}
    set_to = set_input({"1": {"class_type": "SaveVideo", "inputs": read}}, "1.codec=h264", registry)
    assert set_to["1"]["inputs"]["format.codec"] == "h264"


@pytest.mark.parametrize("form", ["drawn", "api"])
def test_graphs_of_older_hosts_get_them(form, registry):
    names, values = ["filename_prefix", "format", "codec"], ["clip", "mp4", "h264"]
    given = dict(zip(names, values, strict=True))
    api = {"1": {"class_type": "SaveVideo", "inputs": given}}
    read = inputs_of(drawn("SaveVideo", names, values) if form == "drawn" else api, registry)
    assert (read["format"], read["format.codec"]) == ("mp4", "h264")


def test_links_into_slots_that_grow_stay_as_they_are(registry):
    prompt = {"1": {"class_type": "Grows", "inputs": {"images.image0": ["2", 0]}}}
    assert to_api(prompt, registry) == prompt


def test_a_packs_own_widgets_are_read_where_the_file_names_them(registry):
    names = ["unit", "seed", "colour", "model"]
    values = ["second", 5, "fixed", "#ff0000", "x"]
    read = inputs_of(drawn("Old", names, values), registry)
    assert read == {"unit": "second", "seed": 5, "colour": "#ff0000", "model": "x"}


def test_assignments_are_checked_but_for_files_that_may_be_uploaded(registry):
    prompt = {
        "1": {"class_type": "LoadImage", "inputs": {"image": "a.png"}},
        "2": {"class_type": "Old", "inputs": {}},
    }
    assert set_input(prompt, "Load Image.image=new.png", registry)["1"]["inputs"] == {
        "image": "new.png"
    }
    assert set_input(prompt, "2.model=any", registry)["2"]["inputs"] == {"model": "any"}
    for wrong in ("2.unit=mile", "2.seed=100", "2.strength=1.0x", "2.none=1"):
        with pytest.raises(WorkflowError):
            set_input(prompt, wrong, registry)
    assert list(file_inputs(OTHERS["LoadImage"])) == ["image"]
    assert list(file_inputs(SAVE)) == []


@pytest.mark.parametrize("answer", [None, [], {"error": "no"}, {"KSampler": {}}])
def test_other_answers_are_refused(answer):
    with pytest.raises(WorkflowError, match="object_info"):
        server_nodes(answer)


def test_a_choice_that_is_set_brings_its_inputs_and_can_be_drawn(registry):
    names, values = ["filename_prefix", "format", "format.codec"], ["clip", "webm", "auto"]
    saved = drawn("SaveVideo", names, values)
    prompt = set_input(to_api(saved, registry), "1.codec=av1", registry)
    assert prompt["1"]["inputs"]["format.codec.crf"] == 23.0
    changed = write_back(saved, prompt, registry)
    assert changed["nodes"][0]["widgets_values"] == ["clip", "webm", "av1"]
