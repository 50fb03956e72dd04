"""Newer ComfyUIs stream weights and give way under memory pressure; the pack takes part in it."""

import pytest


@pytest.fixture(scope="module")
def measured(probe, host_has):
    host_has("memory_management")
    return probe("memory", "sdpa")


def test_results_of_load_models_survive_memory_pressure_where_weights_are_streamed(measured):
    plain, streamed = measured["kept"]
    assert measured["streams"] == [True, True, True]
    assert streamed
    assert not plain


def test_each_can_be_had_without_streaming(measured):
    assert measured["plain_again"] == [True, True, True]


def test_streamed_weights_give_the_same_with_a_lora_on_modulations_too(measured):
    assert max(measured["streamed"]) < 1e-5
    assert measured["lora"] > 1e-2


def test_prompts_are_encoded_where_the_host_says(measured):
    assert measured["text"] == {"weights": "cpu", "ids_and_result": [["meta", "meta"]]}


def test_the_vae_writes_into_the_buffer_of_the_host(measured):
    vae = measured["vae"]
    assert vae["handed"] == {"encode": ["device"], "decode": ["output_buffer"]}
    assert vae["same_buffer"]
    assert vae["shape"] == [2, 9, 32, 32, 3]
    assert vae["difference"] < 1e-5
    assert vae["ticks"] < 1e-5
