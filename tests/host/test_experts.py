"""Two experts are one run in ComfyUI, with its own samplers too, and agree with the other host."""

import pytest


@pytest.fixture(scope="module")
def measured(probe):
    return probe("experts", "sdpa")


def test_both_hosts_agree(measured):
    assert len(measured["hosts"]) == 16
    assert {run: apart for run, apart in measured["hosts"].items() if apart > 1e-4} == {}


def test_the_same_model_twice_is_one_run(measured):
    assert {run: apart for run, apart in measured["same"].items() if apart != 0} == {}


def test_solvers_of_the_host_are_handed_over_exactly(measured):
    assert measured["stock"] == {"euler": 0.0, "heun": 0.0}


def test_progress_counts_the_whole_run(measured):
    assert measured["told"] == [[step, 6] for step in range(6)]


def test_both_models_act(measured):
    assert min(measured["acts"].values()) > 1e-3


def test_a_third_expert_is_refused(measured):
    assert "already has two experts" in measured["refused"]
