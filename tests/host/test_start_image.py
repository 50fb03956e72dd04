"""Image-to-video networks give in ComfyUI and in the standalone host what ComfyUI's own give."""

import pytest


@pytest.fixture(scope="module")
def measured(probe):
    return probe("start_image", "sdpa")


KINDS = pytest.mark.parametrize("name", ["start image", "first and last", "without vision"])


@KINDS
def test_stock_conditioning_drives_our_network_as_it_drives_the_hosts(measured, name):
    made = measured[name]
    assert made["derived"]
    assert made["size"] > 0.1
    assert made["image acts"] > 1e-2
    assert max(made["native"].values()) < 1e-4


@KINDS
def test_both_hosts_agree(measured, name):
    made = measured[name]
    assert max(made["hosts"].values()) < 1e-4
    assert min(made["ways differ"]) > 1e-3


def test_what_is_missing_or_not_taken_is_told(measured):
    told = measured["refusals"]
    assert "needs the CLIP Vision output" in told["blind"]
    assert "clip_vision_output of WanImageToVideo" in told["blind"]
    assert "disconnect clip_vision_output" in told["of text"]
    assert "20 extra channels" in told["packed"]
