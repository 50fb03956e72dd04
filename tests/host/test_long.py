"""A long clip made chunk by chunk is the same in ComfyUI and in the standalone host."""

import pytest


@pytest.fixture(scope="module")
def measured(probe):
    return probe("long", "sdpa")


def test_both_hosts_agree(measured):
    assert len(measured["apart"]) == 8
    assert {run: apart for run, apart in measured["apart"].items() if apart > 5e-5} == {}


def test_what_is_given_comes_back_bit_for_bit(measured):
    assert {run for run, held in measured["held"].items() if not held} == set()


def test_the_hosts_own_networks_make_long_clips(measured):
    assert measured["native"]


def test_both_hosts_show_a_network_that_animates_an_image_the_same(measured):
    assert max(measured["animated"]["apart"]) < 1e-5
    assert measured["animated"]["size"] > 0.1


def test_chunks_of_a_running_comfyui_are_told_apart_by_their_graph(server):
    """Guidance from the second step on changes nothing of the first."""
    kept, folders = server.base / "output" / "chunks", []
    before = {path.name for path in kept.iterdir()} if kept.is_dir() else set()
    for high in (0.5, 0.9, 0.5):
        done = server.run(graph(high))
        assert done["status"]["status_str"] == "success", done["status"]
        folders.append({path.name for path in kept.iterdir()} - before)
    assert [len(each) for each in folders] == [1, 2, 2]


def graph(high):
    """Seventeen frames in chunks of thirteen, with guidance below a noise level."""
    weights = {"model": "dit", "text_encoder": "text", "vae": "vae"}
    files = {name: f"spacetime_tiny_{part}.safetensors" for name, part in weights.items()}
    nodes = {
        "models": ("LoadModels", {**files, "dtype": "fp32"}),
        "prompt": ("EncodePrompt", {"clip": ["models", 1], "text": "a red cube"}),
        "other": ("EncodePrompt", {"clip": ["models", 1], "text": "a blue cube"}),
        "denoiser": (
            "Denoiser",
            {
                "model": ["models", 0], "positive": ["prompt", 0], "negative": ["other", 0],
                "guidance": 3.0,
            },
        ),
        "interval": ("GuidanceInterval", {"guider": ["denoiser", 0], "low": 0.0, "high": high}),
        "noise": ("Noise", {"seed": 1}),
        "solver": ("Solver", {"solver": "euler"}),
        "levels": ("Schedule", {"steps": 2, "shift": 3.0}),
        "empty": ("EmptyVideo", {"width": 32, "height": 32, "frames": 17, "fps": 16.0}),
        "long": (
            "SampleLongVideo",
            {
                "guider": ["interval", 0], "noise": ["noise", 0], "sampler": ["solver", 0],
                "sigmas": ["levels", 0], "latent": ["empty", 0], "chunk": 13, "context": 5,
                "anchor": True, "match": 0.0, "resumable": True,
            },
        ),
        "decoded": ("DecodeVideo", {"latent": ["long", 0], "vae": ["models", 2]}),
    }  # fmt: skip
    made = {
        name: {"class_type": f"Spacetime{node}", "inputs": inputs}
        for name, (node, inputs) in nodes.items()
    }
    shown = {"class_type": "PreviewImage", "inputs": {"images": ["decoded", 0]}}
    return {**made, "shown": shown}
