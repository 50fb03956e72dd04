"""Recipes, stochastic solvers and checkpoints do the same in ComfyUI as in the standalone host."""

import pytest


@pytest.fixture(scope="module")
def measured(probe):
    return probe("guidance")


def test_both_hosts_agree(measured):
    far = {name: each for name, each in measured["difference"].items() if not each < 2e-4}
    assert far == {}
    assert all(size > 0.05 for size in measured["size"].values())


def test_every_recipe_changes_the_result(measured):
    same = {name for name, change in measured["from_plain"].items() if change < 1e-4}
    assert same == {"plain"}


def test_resumed_is_bit_identical(measured):
    assert measured["resumed"] == 0


def test_the_hosts_own_plain_guider_is_taken_over(measured):
    assert measured["taken_over"] == 0
    assert "has its own guidance rules" in measured["refusal"]
    assert measured["stock_sampler"]


def test_given_frames_stay(measured):
    assert measured["given_change"] < 1e-5
    assert measured["made_change"] > 0.1
