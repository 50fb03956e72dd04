"""Keys and values of the prompts are made once a run, and the result is the same to the bit."""

import pytest

STEPS = 5
CHANGED = ["exchanged", "written", "patched", "other text"]
CASES = ["plain", "combined", "lora", "hooks", *CHANGED]


@pytest.fixture(scope="module")
def measured(probe):
    """Without inference mode, where tensors count how often they were written to."""
    return probe("texts", "no_grad")


@pytest.fixture(scope="module")
def in_the_server(probe):
    """As nodes run in the server, and with its usual attention."""
    return probe("texts")


@pytest.mark.parametrize("name", CASES)
def test_the_result_is_that_of_texts_made_anew(measured, name):
    assert measured["difference"][name] == 0.0


@pytest.mark.parametrize("name", [case for case in CASES if case != "written"])
def test_the_result_is_the_same_in_inference_mode(in_the_server, name):
    assert in_the_server["difference"][name] == 0.0


@pytest.mark.parametrize("name", ["combined", "lora", "hooks", *CHANGED])
def test_the_cases_change_the_result(measured, name):
    assert measured["effect"][name] > 1e-4


@pytest.mark.parametrize("name", ["plain", "combined", "lora"])
def test_texts_are_made_once_a_run(measured, name):
    assert measured["calls"][name] == [1, STEPS]


@pytest.mark.parametrize("name", CHANGED)
def test_what_changes_is_made_again_once(measured, name):
    assert measured["calls"][name] == [2, STEPS]


def test_under_hooks_every_text_is_made_anew(measured):
    kept, anew = measured["calls"]["hooks"]
    assert kept == anew > STEPS


def test_nothing_stays_after_a_run(measured):
    assert measured["freed"]
    assert measured["freed_after_failure"]
