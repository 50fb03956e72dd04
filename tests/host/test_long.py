"""A long clip made chunk by chunk is the same in ComfyUI and in the standalone host."""

import pytest


@pytest.fixture(scope="module")
def measured(probe):
    return probe("long", "sdpa")


def test_both_hosts_agree(measured):
    assert len(measured["apart"]) == 8
    assert {run: apart for run, apart in measured["apart"].items() if apart > 5e-5} == {}


def test_what_is_given_comes_back_bit_for_bit(measured):
    assert {run for run, held in measured["held"].items() if not held} == set()


def test_the_hosts_own_networks_make_long_clips(measured):
    assert measured["native"]
