"""LoRAs through our node in ComfyUI."""

import pytest


@pytest.fixture(scope="module")
def measured(probe):
    return probe("lora")


def test_it_equals_the_stock_node(measured):
    assert measured["as_stock"] == 0.0
    assert measured["changes"] > 1e-3


def test_layouts_that_the_stock_node_does_not_know_give_the_same(measured):
    assert measured["layouts"] == [0.0, 0.0]


def test_both_hosts_change_the_weights_alike(measured):
    assert measured["as_standalone"] < 1e-5


def test_dora_and_changes_of_biases_and_modulation_are_the_same_in_both_hosts(measured):
    weights = measured["weights"]
    layer = "blocks.1.self_attn.q"
    every = ["blocks.0.modulation", "blocks.0.norm3.bias", "blocks.0.norm3.weight"]
    every += [f"{layer}.bias", f"{layer}.weight"]
    assert weights["peft 1.0"]["moved"] == weights["chain"]["moved"] == every
    assert weights["rows 1.0"]["moved"] == weights["columns 1.0"]["moved"] == [f"{layer}.weight"]
    assert all(each["size"] > 0.1 for each in weights.values())
    assert {name: each["largest"] for name, each in weights.items() if each["largest"] > 1e-5} == {}


def test_strength_zero_and_the_model_before_are_as_without(measured):
    assert measured["zero"] == measured["unchanged"] == 0.0


def test_the_shipped_few_step_lora_is_the_same_through_the_stock_node(probe):
    measured = probe("few_step", "sdpa")
    assert measured["as_stock"] == 0.0
    assert measured["as_standalone"] < 1e-4
    assert measured["changes"] > 0.1
