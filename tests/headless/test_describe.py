"""`spacetime object-info`: the nodes as JSON."""

import json

import pytest
from typer.testing import CliRunner

from spacetime_video import hosts
from spacetime_video.graph.object_info import object_info
from spacetime_video.headless.cli import app
from spacetime_video.nodes import all_nodes


@pytest.fixture
def outcome(standalone, tmp_path):
    def invoke(*names):
        return CliRunner().invoke(app, ["object-info", *names, "--models-dir", str(tmp_path)])

    yield invoke
    hosts.use(standalone)


def test_every_node_is_described(outcome):
    done = outcome()
    described = json.loads(done.stdout)
    assert done.exit_code == 0
    assert set(described) == {node.GET_SCHEMA().node_id for node in all_nodes(strict=True)}


def test_one_node_is_described_as_comfyui_does(outcome):
    described = json.loads(outcome("SpacetimeNoise").stdout)
    (noise,) = (n for n in all_nodes() if n.GET_SCHEMA().node_id == "SpacetimeNoise")
    wanted = object_info([noise], module="custom_nodes.spacetime-video")
    assert described == json.loads(json.dumps(wanted))
    seed = described["SpacetimeNoise"]["input"]["required"]["seed"]
    assert seed[0] == "INT"
    assert seed[1]["control_after_generate"] is True


def test_files_of_the_models_folder_are_offered(outcome, tmp_path):
    folder = tmp_path / "vae"
    folder.mkdir()
    (folder / "mine.safetensors").touch()
    described = json.loads(outcome("SpacetimeLoadModels").stdout)
    offered = described["SpacetimeLoadModels"]["input"]["required"]["vae"][1]["options"]
    assert "mine.safetensors" in offered
    assert "spacetime_tiny_vae.safetensors" in offered


@pytest.mark.parametrize(
    ("name", "remedy"),
    [("SpacetimeNoises", "did you mean SpacetimeNoise"), ("KSampler", "choose from Spacetime")],
)
def test_an_unknown_node_is_named_with_a_remedy(outcome, name, remedy):
    done = outcome("SpacetimeNoise", name)
    assert done.exit_code == 1
    assert done.stdout == ""
    assert f"no node {name!r}" in done.stderr
    assert remedy in done.stderr
