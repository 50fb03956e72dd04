import time

import pytest

from spacetime_video.graph.registry import Registry
from spacetime_video.graph.server_nodes import server_nodes
from spacetime_video.headless.check.needs import needs_of, offered_files
from spacetime_video.hosts.standalone.elsewhere import EQUIVALENTS
from spacetime_video.hosts.standalone.stock_loaders import NODES

FILES = ["vae/old_vae.safetensors", "wan_dit.safetensors"]


def drawn(id, type, values, mode=0, **properties):
    node = {"id": id, "type": type, "mode": mode, "inputs": [], "outputs": []}
    return {**node, "widgets_values": values, "properties": properties}


@pytest.fixture
def shared():
    """A graph with nodes of other packs, in a subgraph too, as the editor saves it."""
    combine = drawn(1, "VHS_VideoCombine", {"format": "h264"}, cnr_id="comfyui-vhs", ver="1.7.4")
    models = [{"name": "new_vae.safetensors", "directory": "vae", "url": "https://x.y/new_vae"}]
    vae = drawn(2, "VAELoader", ["sub\\new_vae.safetensors"], cnr_id="comfy-core", models=models)
    dit = drawn(3, "UNETLoader", ["D:\\models\\WAN_dit.safetensors", "default"])
    muted = drawn(4, "MutedNode", ["muted.ckpt"], mode=2)
    note = drawn(5, "MarkdownNote", ["get x.safetensors\nfrom y.safetensors"])
    inner = {"id": "sub", "nodes": [drawn(1, "Inner", ["deep.gguf"], aux_id="me/inner")]}
    outer = drawn(6, "sub", [])
    return {
        "version": 0.4,
        "nodes": [combine, vae, dit, muted, note, outer],
        "links": [],
        "definitions": {"subgraphs": [{**inner, "links": [], "inputs": [], "outputs": []}]},
    }


@pytest.fixture
def registry(standalone):
    return Registry.from_nodes(NODES, elsewhere=EQUIVALENTS)


def test_nodes_and_models_of_a_drawn_graph(shared, registry):
    needs = needs_of(shared, registry, FILES)

    nodes = {node.class_type: node for node in needs.nodes}
    assert set(nodes) == {"VHS_VideoCombine", "Inner"}
    assert nodes["VHS_VideoCombine"].pack == "comfyui-vhs 1.7.4"
    assert nodes["VHS_VideoCombine"].instead == "CreateVideo and SaveVideo"
    assert (nodes["Inner"].pack, nodes["Inner"].instead) == ("me/inner", "")
    models = {model.name: model for model in needs.models}
    assert set(models) == {
        "sub\\new_vae.safetensors", "D:\\models\\WAN_dit.safetensors", "deep.gguf"
    }  # fmt: skip
    vae = models["sub\\new_vae.safetensors"]
    assert (vae.here, vae.folder, vae.url) == ("", "vae", "https://x.y/new_vae")
    assert vae.instead.startswith("put it there, or choose one of vae/old_vae.safetensors")
    assert models["D:\\models\\WAN_dit.safetensors"].here == "wan_dit.safetensors"
    assert len(needs.missing) == 4


def test_a_prompt_tells_names_alone(registry):
    prompt = {
        "1": {"class_type": "DualCLIPLoader", "inputs": {"clip_name1": "a.safetensors"}},
        "2": {"class_type": "DualCLIPLoader", "inputs": {"clip_name1": ["1", 0], "n": 3}},
    }

    needs = needs_of(prompt, registry, FILES)

    (node,) = needs.nodes
    assert (node.class_type, node.count, node.pack) == ("DualCLIPLoader", 2, "")
    assert [model.name for model in needs.models] == ["a.safetensors"]


def test_what_a_server_offers():
    info = {
        "UNETLoader": {
            "input": {"required": {"unet_name": [["a/wan_dit.safetensors", "b.gguf"], {}]}}
        },
        "KSampler": {"input": {"required": {"sampler_name": [["euler", "heun"], {}]}}},
    }

    assert offered_files(server_nodes(info)) == {"a/wan_dit.safetensors", "b.gguf"}


def test_a_graph_of_many_values_is_read_in_one_go(registry):
    many = drawn(1, "Many", [str(number) for number in range(400_000)])
    start = time.process_time()

    assert needs_of({"nodes": [many], "links": []}, registry, FILES).models == ()
    assert time.process_time() - start < 2
