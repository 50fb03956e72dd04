"""Loops through the VAEs of ComfyUI equal their later turns."""

import pytest


@pytest.fixture(scope="module")
def measured(probe):
    return probe("loops", "sdpa")


@pytest.mark.parametrize("vae", ["ours", "wan"])
def test_a_loop_equals_its_later_turns(measured, vae):
    found = measured[vae]
    assert found["shapes"] == [[16, 16, 16, 3], [1, 16, 4, 2, 2]]
    assert found["decoded"] < 1e-4
    assert found["encoded"] < 1e-4
    assert found["decoded_alone"] > 0.02
    assert found["encoded_alone"] > 0.02


def test_both_hosts_decode_the_same_loop(measured):
    assert measured["hosts"] < 1e-6


def test_the_nodes_make_a_loop(measured):
    """Exactly as many frames as were asked for; with rolled noise the same ones, rolled."""
    assert measured["made"]["frames"] == [20, 64, 48, 3]
    assert measured["made"]["rolled"] < 1e-5


def test_nodes_that_cannot_see_a_loop_are_named_in_the_log(server):
    """An empty loop, straight into ComfyUI's own decoder."""
    prompt = {
        "models": {
            "class_type": "SpacetimeLoadModels",
            "inputs": {
                "model": "spacetime_tiny_dit.safetensors",
                "text_encoder": "spacetime_tiny_text.safetensors",
                "vae": "spacetime_tiny_vae.safetensors",
                "dtype": "fp32",
            },
        },
        "loop": {
            "class_type": "SpacetimeSeamlessLoop",
            "inputs": {"width": 32, "height": 32, "frames": 8, "fps": 16.0},
        },
        "decoded": {
            "class_type": "VAEDecode", "inputs": {"samples": ["loop", 0], "vae": ["models", 2]}
        },
        "shown": {"class_type": "PreviewImage", "inputs": {"images": ["decoded", 0]}},
    }  # fmt: skip
    done = server.run(prompt)
    assert done["status"]["status_str"] == "success", done["status"]
    assert "VAEDecode cannot see that this latent is a loop" in server.log.read_text()
