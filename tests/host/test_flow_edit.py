"""FlowEdit means the same in ComfyUI and in the standalone host."""

import pytest


@pytest.fixture(scope="module")
def measured(probe):
    return probe("flow_edit", "sdpa")


def test_both_hosts_agree(measured):
    assert len(measured["hosts"]) == 10
    assert {run: apart for run, apart in measured["hosts"].items() if apart > 1e-4} == {}


def test_equal_prompts_change_nothing(measured):
    assert {run: change for run, change in measured["same"].items() if change > 1e-4} == {}


def test_other_prompts_change_the_clip(measured):
    assert {run: change for run, change in measured["changed"].items() if change < 1e-2} == {}


def test_masked_places_stay(measured):
    assert {run: change for run, change in measured["held"].items() if change > 1e-5} == {}


@pytest.mark.parametrize("kind", ["levels", "one level"])
def test_stock_solvers_and_guiders_edit_too(measured, kind):
    assert measured[f"stock {kind}"] > 1e-2
    assert measured[f"taken over {kind}"] == 0
