"""Quantised files of ComfyUI's own formats stay quantised in memory where it computes with them."""

import pytest

PLAIN_BYTES = 256 * 256 * 2
"""Of a layer's weights in bf16."""

APART = {
    "float8_e4m3fn": ("float8_e4m3fn", 1 / 2, 0.01),
    "float8_e5m2": ("float8_e5m2", 1 / 2, 0.01),
    "mxfp8": ("float8_e4m3fn", 1 / 2, 0.01),
    "nvfp4": ("uint8", 1 / 4, 0.01),
    "int8_tensorwise": ("int8", 1 / 2, 0.05),
    "asym_w4a8_int8": ("int8", 1 / 4, 0.05),
    "convrot_w4a4": ("int8", 1 / 4, 0.5),
}
"""Type in memory, size beside bf16, and the largest difference from the same weights restored: what
the host's layers round of their inputs, in the last three to 8 and 4 bits."""


@pytest.fixture(scope="module")
def measured(probe, host_has):
    host_has("quant_ops")
    return probe("stored", "sdpa")


def test_the_formats_are_those_of_the_host(measured):
    assert set(measured["formats"]) <= APART.keys()
    assert {"float8_e4m3fn", "int8_tensorwise", "nvfp4"} <= set(measured["formats"])


@pytest.mark.parametrize("name", APART)
def test_weights_stay_as_they_are_stored(measured, name):
    if name not in measured["formats"]:
        pytest.skip(f"this ComfyUI has no {name}")
    kind, share, apart = APART[name]
    assert measured["models"][name]["shapes"]
    assert measured["models"][name]["memory"] == [kind, PLAIN_BYTES * share]
    assert measured["models"][name]["apart"] < apart


@pytest.mark.parametrize("name", APART)
def test_a_lora_acts_on_them(measured, name):
    if name not in measured["formats"]:
        pytest.skip(f"this ComfyUI has no {name}")
    found = measured["models"][name]
    assert found["lora_acts"] > 0.1
    assert found["lora"] < found["lora_acts"] / 2  # the host stores the sum in the format again


def test_float8_computes_in_the_type_that_was_chosen(measured):
    (computed, kept, size), finite = measured["bf16"]
    assert (computed, kept, size) == ("torch.bfloat16", "float8_e4m3fn", PLAIN_BYTES / 2)
    assert finite


def test_the_text_encoder_keeps_float8_too(measured):
    (kept, _), apart = measured["text"]
    assert kept == "float8_e4m3fn"
    assert apart < 0.01


@pytest.mark.parametrize(("name", "apart"), [("float8_e4m3fn", 0.1), ("nvfp4", 0.3)])
def test_load_models_takes_such_a_file(measured, name, apart):
    accepted, difference = measured["shipped"][name]
    assert accepted is True
    assert 0 < difference < apart
