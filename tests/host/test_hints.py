"""The nodes that make hints on a server: what they show is what the standalone host computes."""

import urllib.error

import numpy as np
import pytest
from PIL import Image

from spacetime_video.graph.executor import Executor
from spacetime_video.graph.registry import Registry
from spacetime_video.hosts.standalone import io
from spacetime_video.tools.nodes import pack_nodes

FORM = {
    "seed": 3, "width": 80, "height": 64, "frames": 5, "fps": 16.0, "kind": "pair",
    "shape": "any", "colour": "any", "motion": "any", "setting": "any",
}  # fmt: skip
HINTS = {
    "CannyEdges": {"low_threshold": 0.05, "high_threshold": 0.2, "blur": 1.0},
    "SoftEdges": {"softness": 1.0, "strength": 2.0},
    "LineArt": {"line_width": 1.2, "threshold": 0.16, "black_on_white": False},
    "Luminance": {},
    "LowDetail": {"factor": 8.0, "how": "tile"},
    "OpticalFlow": {"fastest": 2.0},
}
SHOWN = [0, 1, 3, 4]
"""Frames of five that are shown."""


def node(kind, /, **inputs):
    return {"class_type": f"Spacetime{kind}", "inputs": inputs}


def prompt():
    """Every hint of one clip, and the same clip with its exact hints."""
    hints = {kind: node(kind, images=["clip", 0], **values) for kind, values in HINTS.items()}
    return {"clip": node("ExampleClip", **FORM), **hints, "Toy": node("ToyWorldHints", **FORM)}


def read(server, picture):
    path = server.base / picture["type"] / picture["subfolder"] / picture["filename"]
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")).astype(int)


@pytest.fixture(scope="module")
def shown(server):
    """Pictures (4 or 5, H, W, 3) that each node shows."""
    run = server.run(prompt())
    assert run["status"]["status_str"] == "success", run["status"]
    return {
        name: np.stack([read(server, each) for each in made["images"]])
        for name, made in run["outputs"].items()
    }


@pytest.fixture(scope="module")
def computed():
    """Pictures of each node in the standalone host."""
    kept = {}

    class Keep(io.ComfyNode):
        """Keeps the pictures that reach it."""

        @classmethod
        def define_schema(cls):
            inputs = [io.Image.Input("images"), io.String.Input("name", default="")]
            return io.Schema("Keep", inputs=inputs, outputs=[], is_output_node=True)

        @classmethod
        def execute(cls, images, name):
            kept[name] = images
            return io.NodeOutput()

    def keeping(origin, name):
        return {"class_type": "Keep", "inputs": {"images": origin, "name": name}}

    graph = prompt()
    for name in HINTS:
        graph[f"keep {name}"] = keeping([name, 0], name)
    for place in range(5):
        graph[f"keep {place}"] = keeping(["Toy", place], f"Toy {place}")
    Executor(Registry.from_nodes([Keep, *pack_nodes()])).run(graph)
    return kept


def apart(pictures, frames):
    """The share of values that are more than one level apart."""
    levels = (frames.numpy() * 255).astype(int)
    assert pictures.shape == levels.shape
    assert pictures.std() > 5
    return (np.abs(pictures - levels) > 1).mean()


def test_hints_are_those_of_the_standalone_host(shown, computed):
    differing = {name: apart(shown[name], computed[name][SHOWN]) for name in HINTS}
    assert {name: share for name, share in differing.items() if share > 1e-3} == {}


def test_exact_hints_are_those_of_the_standalone_host(shown, computed):
    assert len(shown["Toy"]) == 5
    for place in range(5):
        assert apart(shown["Toy"][place], computed[f"Toy {place}"][2]) < 1e-3


def test_thresholds_in_the_wrong_order_are_refused_before_the_run(server):
    wrong = node("CannyEdges", images=["clip", 0], **HINTS["CannyEdges"] | {"low_threshold": 0.5})
    graph = {"clip": node("ExampleClip", **FORM), "edges": wrong}
    with pytest.raises(urllib.error.HTTPError) as refused:
        server.post("/prompt", {"prompt": graph})
    assert "the low one not above the high one" in refused.value.read().decode()
