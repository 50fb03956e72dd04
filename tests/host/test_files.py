"""Clips go through ComfyUI's VAEs and video files a few frames at a time."""

import pytest

from spacetime_video.media import probe_video

FRAMES = 33
CLIP = {"seed": 0, "width": 64, "height": 64, "frames": 17, "fps": 8.0} | dict.fromkeys(
    ("shape", "colour", "motion", "setting"), "any"
)
MODELS = {
    "model": "spacetime_tiny_dit.safetensors",
    "text_encoder": "spacetime_tiny_text.safetensors",
    "vae": "spacetime_tiny_vae.safetensors",
    "dtype": "fp32",
}
FORM = {"width": 32, "height": 32, "frames": 0, "how": "crop", "fps": 4.0, "start": 0.0}


def node(class_type, **inputs):
    return {"class_type": class_type, "inputs": inputs}


@pytest.fixture(scope="module")
def measured(probe):
    return probe("files")


@pytest.mark.parametrize("vae", ["ours", "wan21", "wan22"])
def test_a_stream_equals_the_whole_pass(measured, vae):
    made = measured[vae]
    assert made["shape"]
    assert sum(made["pieces"]) == FRAMES
    assert max(made["pieces"]) <= 16
    assert made["decoded"] <= 1e-4 * made["spread"]
    assert made["loop"] <= 1e-4 * made["spread"]
    assert made["encoded"] <= 1e-4 * made["size"]


def test_our_stream_is_bit_for_bit_the_whole_pass(measured):
    assert measured["ours"]["decoded"] == measured["ours"]["encoded"] == 0


def test_pictures_of_an_image_vae_come_some_at_a_time(measured):
    assert measured["pictures"] == {"pieces": [16, 16, 5], "equal": True, "back": 0}


@pytest.mark.parametrize(("vae", "most"), [("ours", 1e-5), ("wan21", 2e-2)])
def test_tiles_change_little(measured, vae, most):
    """ComfyUI's own network looks at each tile as a whole, ours at the picture."""
    made = measured["tiles"][vae]
    assert made["shape"]
    assert made["most"] < most * made["spread"]


def test_save_video_copies_the_file_and_adds_the_graph(measured):
    made = measured["file"]
    assert made["folder"]
    assert made["copied"]
    assert made["form"] == [17, 32, 32, 12, True]
    assert made["tags"] == ["prompt", "workflow"]


def test_every_form_of_a_video_is_encoded(measured):
    made = measured["encoded"]
    assert made["apart"] == {"file": 0, "memory": 0, "held": 0}
    assert made["sounds"]["file"] == made["sounds"]["memory"] == [1, 2, 17 * 44100 // 12]
    assert made["sounds"]["held"] is None


def test_both_hosts_take_the_same_sound_out_of_a_file(measured):
    made = measured["taken_apart"]
    assert made["rates"] == [44100, 44100]
    assert made["shapes"][0] == made["shapes"][1]
    assert 0 <= made["shapes"][1][2] - 44100 < 2048  # what fills the last packet
    assert made["apart"] == 0


def test_a_trimmed_video_is_read_from_its_beginning_to_its_end(measured):
    made = measured["encoded"]["trimmed"]
    if made is None:
        pytest.skip("this ComfyUI trims no videos")
    assert made["apart"] == 0
    assert made["sound"] == pytest.approx(9 / 12, abs=1e-4)


def test_a_stopped_run_leaves_no_file(measured):
    assert measured["stopped"]["raised"] == "interrupted"
    assert measured["stopped"]["calls"] == 3
    assert measured["stopped"]["same"]


def test_a_lack_of_memory_is_told_with_what_helps(measured):
    assert measured["memory"].endswith("Use tiles, or smaller ones, in Decode to Video File.")


def test_a_clip_goes_into_a_file_and_back_in_a_running_comfyui(server):
    saved = {"format": "auto", "codec": "auto"}
    graph = {
        "models": node("SpacetimeLoadModels", **MODELS),
        "clip": node("SpacetimeExampleClip", **CLIP),
        "there": node("SpacetimeEncodeVideo", images=["clip", 0], vae=["models", 2], fps=8.0),
        "file": node("SpacetimeDecodeToFile", latent=["there", 0], vae=["models", 2], crf=18.0),
        "again": node("SpacetimeEncodeFile", video=["file", 0], vae=["models", 2], **FORM),
        "back": node("SpacetimeDecodeToFile", latent=["again", 0], vae=["models", 2], crf=18.0),
        "first": node("SaveVideo", video=["file", 0], filename_prefix="first", **saved),
        "second": node("SaveVideo", video=["back", 0], filename_prefix="second", **saved),
    }
    outputs = server.run(graph)["outputs"]
    names = [outputs[name]["images"][0]["filename"] for name in ("first", "second")]
    infos = [probe_video(server.base / "output" / name) for name in names]
    assert [(info.frames, info.width, float(info.fps)) for info in infos] == [
        (17, 64, 8),
        (9, 32, 4),
    ]
    assert "SpacetimeDecodeToFile" in infos[0].metadata["prompt"]
