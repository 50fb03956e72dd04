"""Wrong input is refused before ComfyUI runs anything, or by the node that sees it first."""

import json
import urllib.error

import pytest

LOAD = {
    "model": "spacetime_tiny_dit.safetensors",
    "text_encoder": "spacetime_tiny_text.safetensors",
    "vae": "spacetime_tiny_vae.safetensors",
    "dtype": "auto",
}
EMPTY = {"width": 64, "height": 64, "frames": 17, "fps": 16.0}
CLIP = {"seed": 0, "width": 32, "height": 32, "frames": 5, "fps": 8.0} | dict.fromkeys(
    ("shape", "colour", "motion", "setting"), "any"
)


def node(class_type, **inputs):
    return {"class_type": class_type, "inputs": inputs}


def decoded(load, empty):
    """An empty latent decoded and saved."""
    return {
        "1": node("SpacetimeLoadModels", **load),
        "2": node("SpacetimeEmptyVideo", **empty),
        "3": node("SpacetimeDecodeVideo", latent=["2", 0], vae=["1", 2]),
        "4": node("PreviewImage", images=["3", 0]),
    }


def previewed(clip):
    return {
        "1": node("SpacetimeExampleClip", **clip),
        "2": node("PreviewImage", images=["1", 0]),
    }


@pytest.mark.parametrize(
    ("prompt", "message"),
    [
        (decoded(LOAD, EMPTY | {"frames": 16}), "16 frames do not fit"),
        (decoded(LOAD, EMPTY | {"width": 72}), "nearest: 64 or 80"),
        (decoded(LOAD | {"vae": "gone.safetensors"}, EMPTY), "no file 'gone.safetensors'"),
        (decoded(LOAD | {"vae": LOAD["model"]}, EMPTY), "no file 'spacetime_tiny_dit"),
        (previewed(CLIP | {"frames": 6}), "nearest: 5 or 9"),
    ],
)
def test_the_server_answers_with_the_remedy_and_runs_nothing(server, prompt, message):
    with pytest.raises(urllib.error.HTTPError) as refused:
        server.post("/prompt", {"prompt": prompt})
    assert refused.value.code == 400
    errors = json.load(refused.value)["node_errors"]
    assert message in json.dumps(errors)


@pytest.fixture(scope="module")
def measured(probe):
    return probe("refusals")


def test_a_latent_of_another_family_is_refused(measured):
    assert "the latent has 4 channels, the model needs 16" in measured["channels"]


def test_a_prompt_of_another_text_encoder_is_refused(measured):
    assert "the prompt is 24 wide, the model needs 32" in measured["prompt"]


def test_a_start_image_that_the_model_cannot_take_is_refused(measured):
    assert "carries a start image, which this model does not support" in measured["start_image"]


def test_the_vaes_of_the_host_are_known(measured):
    assert measured["formats"] == {"image": [4, 1, 8], "wan": [16, 4, 8], "ours": [16, 4, 8]}
