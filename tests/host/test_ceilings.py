"""Noise ceilings of a LATENT mean the same in ComfyUI and in the standalone host."""

import pytest


@pytest.fixture(scope="module")
def measured(probe):
    return probe("ceilings", "sdpa")


def test_both_hosts_agree(measured):
    assert len(measured["hosts"]) > 10
    assert {run: apart for run, apart in measured["hosts"].items() if apart > 5e-5} == {}


def test_what_is_given_comes_back_bit_for_bit(measured):
    assert {run: held for run, held in measured["held"].items() if not all(held)} == {}
    assert measured["native held"]
    assert measured["timeline held"]


@pytest.mark.parametrize("kind", ["levels", "one level"])
def test_a_ceiling_of_one_is_the_plain_run(measured, kind):
    assert measured["plain"][kind] == 0
    assert measured["acts"][kind] > 1e-2


def test_ceilings_act_on_the_hosts_own_networks(measured):
    assert measured["native acts"] > 1e-2


def test_stock_samplers_see_the_mask_alone(measured):
    assert measured["stock levels"] == 0
    assert measured["stock one level"] == 0
