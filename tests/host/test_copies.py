"""Where ComfyUI spreads a model over several devices, every copy does what the nodes ask."""

import pytest


@pytest.fixture(scope="module")
def measured(probe, host_has):
    host_has("multigpu")
    return probe("copies", "sdpa")


def test_attention_guidance_acts_on_every_copy_with_its_own_weights(measured):
    assert measured["networks"] == 2
    assert measured["difference"] < 1e-5
    assert measured["from_one_device"] > 1e-3
