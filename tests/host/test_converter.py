"""Saved graphs of every form, converted by the pack and by comfy-cli."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from spacetime_video import hosts
from spacetime_video.graph.object_info import object_info
from spacetime_video.graph.workflow import to_api
from spacetime_video.headless.engine import standalone_registry

CONVERT = (
    "import json, sys\n"
    "from comfy_cli.workflow_to_api import convert_ui_to_api\n"
    "graphs, info = json.load(sys.stdin)\n"
    "json.dump([convert_ui_to_api(graph, info) for graph in graphs], sys.stdout)\n"
)

SIZE = "SpacetimeEmptyVideo"


def slot(name, type="*", link=None, widget=False):
    return {"name": name, "type": type, "link": link} | (
        {"widget": {"name": name}} if widget else {}
    )


def node(id, type, inputs=(), outputs=(), values=None, mode=0, **more):
    made = [{"name": kind, "type": kind, "links": list(links)} for kind, links in outputs]
    return {
        "id": id, "type": type, "mode": mode, "order": id, "inputs": list(inputs),
        "outputs": made, "properties": {}, **({} if values is None else {"widgets_values": values}),
        **more,
    }  # fmt: skip


def graph(nodes, links, **more):
    return {
        "version": 0.4, "last_node_id": 99, "last_link_id": 99, "nodes": nodes, "links": links,
        "groups": [], "config": {}, "extra": {}, **more,
    }  # fmt: skip


def size(id, link, values=(64, 48, 9, 8.0), inputs=()):
    return node(id, SIZE, inputs, [("LATENT", [link])], list(values))


def show(id, link, **more):
    return node(id, "PreviewAny", [slot("source", link=link)], values=[], **more)


def link(id, origin, target, slot=0, type="LATENT"):
    return [id, origin, 0, target, slot, type]


def subgraph(values, proxies):
    """An instance whose width is an input with a widget, and one more widget that is shown."""
    inner = {
        "id": "5e1f0000-0000-4000-8000-000000000001", "name": "Sized", "version": 1,
        "state": {"lastNodeId": 2, "lastLinkId": 12}, "revision": 0, "config": {},
        "inputNode": {"id": -10, "bounding": [0, 0, 1, 1]},
        "outputNode": {"id": -20, "bounding": [0, 0, 1, 1]},
        "inputs": [{"id": "a", "name": "width", "type": "INT", "linkIds": [11]}],
        "outputs": [{"id": "b", "name": "LATENT", "type": "LATENT", "linkIds": [12]}],
        "widgets": [],
        "nodes": [node(1, SIZE, [slot("width", "INT", 11, widget=True)],
                       [("LATENT", [12])], [64, 48, 9, 8.0])],
        "groups": [],
        "links": [
            {"id": 11, "origin_id": -10, "origin_slot": 0, "target_id": 1, "target_slot": 0,
             "type": "INT"},
            {"id": 12, "origin_id": 1, "origin_slot": 0, "target_id": -20, "target_slot": 0,
             "type": "LATENT"},
        ],
        "extra": {},
    }  # fmt: skip
    outer = node(
        1, inner["id"], [slot("width", "INT", widget=True)], [("LATENT", [1])], values,
    )  # fmt: skip
    outer["properties"] = {"proxyWidgets": proxies}
    return graph([outer, show(2, 1)], [link(1, 1, 2)], definitions={"subgraphs": [inner]})


GRAPHS = {
    "reroutes": graph(
        [size(1, 1), node(2, "Reroute", [slot("", link=1)], [("LATENT", [2])]),
         node(3, "Reroute", [slot("", link=2)], [("LATENT", [3])]), show(4, 3)],
        [link(1, 1, 2), link(2, 2, 3), link(3, 3, 4)],
    ),
    "a primitive": graph(
        [node(1, "PrimitiveNode", [], [("INT", [1])], [80, "fixed"]),
         size(2, 2, (80, 48, 9, 8.0), [slot("width", "INT", 1, widget=True)]), show(3, 2)],
        [link(1, 1, 2, type="INT"), link(2, 2, 3)],
    ),
    "a primitive of ComfyUI": graph(
        [node(1, "PrimitiveInt", [], [("INT", [1])], [80, "fixed"]),
         size(2, 2, (64, 48, 9, 8.0), [slot("width", "INT", 1, widget=True)]), show(3, 2)],
        [link(1, 1, 2, type="INT"), link(2, 2, 3)],
    ),
    "a muted end": graph(
        [size(1, 1), show(2, 1), show(3, 2, mode=2)], [link(1, 1, 2), link(2, 1, 3)]
    ),
    "a bypassed node": graph(
        [size(1, 1), node(2, "RepeatLatentBatch", [slot("samples", "LATENT", 1)],
                          [("LATENT", [2])], [3], mode=4), show(3, 2)],
        [link(1, 1, 2), link(2, 2, 3)],
    ),
    "notes": graph(
        [size(1, 1), show(2, 1), node(3, "Note", values=["a"]),
         node(4, "MarkdownNote", values=["# b"])],
        [link(1, 1, 2)],
    ),
    "a seed with its control": graph(
        [node(1, "SpacetimeNoise", [], [("NOISE", [1])], [7, "randomize"]), show(2, 1),
         node(3, "SpacetimeExampleClip", [], [("IMAGE", [2])],
              [5, "increment", 32, 32, 9, 8.0, "any", "any", "any", "any"]), show(4, 2)],
        [link(1, 1, 2, type="NOISE"), link(2, 3, 4, type="IMAGE")],
    ),
    "widgets by name": graph(
        [node(1, SIZE, [], [("LATENT", [1])],
              {"frames": 17, "width": 96, "height": 32, "fps": 12.0}), show(2, 1)],
        [link(1, 1, 2)],
    ),
    "widgets as inputs": graph(
        [size(1, 1, (96, 32, 17, 12.0), [
            slot(name, "INT", None, widget=True) for name in ("width", "height", "frames", "fps")
        ]), show(2, 1)],
        [link(1, 1, 2)],
    ),
    "a subgraph's own values": subgraph([], []),
    "a subgraph with a widget": subgraph([96], [["-1", "width"]]),
    "a subgraph with two": subgraph([96, 33], [["-1", "width"], ["1", "frames"]]),
}  # fmt: skip


@pytest.fixture(scope="module")
def nodes(standalone):
    yield standalone_registry(standalone)
    hosts.use(standalone)


@pytest.fixture(scope="module")
def theirs(nodes):
    """The prompts that comfy-cli makes, by the names of the graphs."""
    command = os.environ.get("COMFY_CLI")
    if command is None:
        pytest.skip("COMFY_CLI names no comfy-cli")
    info = object_info(nodes.values(), module="custom_nodes.spacetime-video")
    done = subprocess.run(
        [Path(command).with_name("python"), "-c", CONVERT],
        input=json.dumps([list(GRAPHS.values()), info]),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return dict(zip(GRAPHS, json.loads(done.stdout), strict=True))


def told(prompt):
    return {key: (each["class_type"], each["inputs"]) for key, each in prompt.items()}


@pytest.mark.parametrize("name", GRAPHS)
def test_both_read_the_same(nodes, theirs, name):
    ours = to_api(GRAPHS[name], nodes)

    assert ours
    assert told(ours) == told(theirs[name])
