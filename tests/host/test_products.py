"""ComfyUI's own layers and attention give way to faster ones only where nobody has chosen them."""

import pytest


@pytest.fixture(scope="module")
def measured(probe):
    return probe("products")


@pytest.mark.parametrize("operations", ["disable_weight_init", "manual_cast"])
def test_plain_weights_are_multiplied_by_the_pack_and_patched_ones_by_comfyui(measured, operations):
    found = measured["layers"][operations]
    assert found["asked"] == [1, 0, 0, 0]
    exact, half, patched, gelu = found["apart"]
    assert max(exact, patched, gelu) < 1e-5
    assert 0 < half < 0.1


def test_other_layers_stay_as_they_are(measured):
    assert measured["others"]


def test_the_attention_that_was_chosen_is_kept(measured):
    asked = {name: times for name, (times, _) in measured["attentions"].items()}
    assert asked == {"default": 1, "small": 0, "told": 0, "another": 0, "overridden": 0}
    assert max(apart for _, apart in measured["attentions"].values()) < 1e-5
