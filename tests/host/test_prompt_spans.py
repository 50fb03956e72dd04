"""Prompts over time mean the same in ComfyUI and in the standalone host."""

import pytest


@pytest.fixture(scope="module")
def measured(probe):
    return probe("prompt_spans", "sdpa")


def test_both_hosts_agree(measured):
    assert len(measured["hosts"]) == 5
    assert {run: apart for run, apart in measured["hosts"].items() if apart > 1e-4} == {}


def test_chunks_windows_and_runs_take_the_prompt_of_their_middle(measured):
    """Stock samplers take the first one; the host's own networks follow the time too."""
    assert len(measured["equal"]) == 18
    assert {run: apart for run, apart in measured["equal"].items() if apart > 0} == {}
    assert {run: apart for run, apart in measured["other"].items() if apart < 1e-3} == {}
