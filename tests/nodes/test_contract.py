"""Graphs that were saved go on working: the nodes keep what contract.json promises."""

import copy
from pathlib import Path

import pytest

from spacetime_video import hosts
from spacetime_video.tools.contract import (
    COMMAND,
    breaches,
    contract_of,
    read_contract,
    write_contract,
)
from spacetime_video.tools.nodes import pack_nodes

FILE = Path(__file__).with_name("contract.json")
NODE = {
    "takes_lists": False,
    "is_output": True,
    "inputs": {
        "seed": {"type": "INT", "optional": False, "default": 0, "min": 0, "control": True},
        "mode": {"type": "COMBO", "optional": True, "default": "a", "options": ["a", "b"]},
        "image": {"type": "IMAGE", "optional": True},
    },
    "outputs": [{"name": "images", "type": "IMAGE"}, {"name": "fps", "type": "FLOAT"}],
}


@pytest.fixture
def found(standalone):
    yield contract_of(pack_nodes())
    hosts.use(standalone)


def test_saved_graphs_keep_working(found):
    assert not breaches(read_contract(FILE), found), "\n".join(
        ["these changes break graphs that people saved:", *breaches(read_contract(FILE), found)]
    )


def test_what_was_added_is_promised_too(found):
    assert read_contract(FILE) == found, f"new promises are not written down yet: run {COMMAND}"


def changed(**changes):
    """The node after a change of its inputs, or of other keys."""
    node = copy.deepcopy(NODE)
    inputs = changes.pop("inputs", {})
    node["inputs"] = {
        name: {**node["inputs"].get(name, {}), **change}
        for name, change in {**{name: {} for name in node["inputs"]}, **inputs}.items()
    }
    return {"Node": {**node, **changes}}


def reordered(*names):
    return {"Node": {**NODE, "inputs": {name: NODE["inputs"][name] for name in names}}}


@pytest.mark.parametrize(
    ("after", "message"),
    [
        ({}, "Node is gone"),
        (reordered("seed", "mode"), "image is gone or has another name"),
        (reordered("mode", "seed", "image"), "keep the order"),
        (changed(inputs={"seed": {"type": "FLOAT"}}), "seed: type INT is now FLOAT"),
        (changed(inputs={"mode": {"default": "b"}}), "default 'a' is now 'b'"),
        (changed(inputs={"seed": {"min": 1}}), "smallest value was 0 and is now 1"),
        (changed(inputs={"seed": {"max": 9}}), "largest value was None and is now 9"),
        (changed(inputs={"seed": {"control": None}}), "control True is now None"),
        (changed(inputs={"mode": {"options": ["a"]}}), "b cannot be chosen"),
        (changed(inputs={"mode": {"optional": False}}), "it was optional"),
        (changed(inputs={"new": {"type": "INT", "optional": False}}), "make it optional"),
        (changed(outputs=NODE["outputs"][::-1]), "links are stored by position"),
        (changed(outputs=NODE["outputs"][:1]), "links are stored by position"),
        (changed(takes_lists=True), "is_input_list"),
        (changed(is_output=False), "no longer an output node"),
    ],
)
def test_what_breaks_graphs_is_named(after, message):
    (breach,) = breaches({"Node": NODE}, after)
    assert message in breach


def test_a_new_input_between_the_others_is_noticed():
    seed, *rest = NODE["inputs"].items()
    inputs = dict([seed, ("new", {"type": "INT", "optional": True, "default": 1}), *rest])
    (breach,) = breaches({"Node": NODE}, {"Node": {**NODE, "inputs": inputs}})
    assert "put new inputs last" in breach


@pytest.mark.parametrize(
    "after",
    [
        changed(),
        {**changed(), "Another": NODE},
        changed(inputs={"new": {"type": "INT", "optional": True, "default": 1}}),
        changed(inputs={"mode": {"options": ["a", "c", "b"]}}),
        changed(inputs={"seed": {"min": -1, "optional": True}}),
        changed(inputs={"image": {"type": "IMAGE,MASK"}}),
        changed(inputs={"seed": {"default": 1}}),
        changed(outputs=[{"name": "IMAGE", "type": "IMAGE"}, {"name": "rate", "type": "FLOAT"}]),
        changed(outputs=[*NODE["outputs"], {"name": "mask", "type": "MASK"}]),
    ],
)
def test_what_only_adds_is_allowed(after):
    assert breaches({"Node": NODE}, after) == []


def test_the_file_reads_back(tmp_path):
    contract = {"B": NODE, "A": {**NODE, "inputs": {}, "outputs": []}}
    write_contract(tmp_path / "contract.json", contract)
    assert read_contract(tmp_path / "contract.json") == contract
    assert list(read_contract(tmp_path / "contract.json")["B"]["inputs"]) == list(NODE["inputs"])
