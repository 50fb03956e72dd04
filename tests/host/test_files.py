"""Clips go through ComfyUI's VAEs and video files a few frames at a time."""

import pytest

FRAMES = 33


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
