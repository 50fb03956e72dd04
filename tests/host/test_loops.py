"""Loops through the VAEs of ComfyUI equal their later turns."""

import pytest


@pytest.fixture(scope="module")
def measured(probe):
    return probe("loops", "sdpa")


@pytest.mark.parametrize("vae", ["ours", "wan"])
def test_a_loop_equals_its_later_turns(measured, vae):
    found = measured[vae]
    assert found["shapes"] == [[16, 16, 16, 3], [1, 16, 4, 2, 2]]
    assert found["decoded"] < 1e-4
    assert found["encoded"] < 1e-4
    assert found["decoded_alone"] > 0.02
    assert found["encoded_alone"] > 0.02


def test_both_hosts_decode_the_same_loop(measured):
    assert measured["hosts"] < 1e-6


def test_the_nodes_make_a_loop(measured):
    """Exactly as many frames as were asked for; with rolled noise the same ones, rolled."""
    assert measured["made"]["frames"] == [20, 64, 48, 3]
    assert measured["made"]["rolled"] < 1e-5
