"""Where the host compiles the network, the network is one graph."""

import shutil

import pytest

ROUNDING = 1e-4


@pytest.fixture(scope="module")
def measured(probe):
    return probe("compiled", "sdpa")


def test_the_network_is_one_graph_and_makes_the_same(measured):
    """Skipping a layer in some steps makes two: the host's node forgets to look at its options."""
    graphs = dict.fromkeys(("stock", "first frame kept", "negative attention", "packed"), 1)
    graphs["skipped layers"] = 2
    assert {name: count for name, (_, count) in measured["runs"].items()} == graphs
    assert max(difference for difference, _ in measured["runs"].values()) < ROUNDING


def test_a_third_length_is_compiled_no_more(measured):
    assert measured["sizes"] == 2


@pytest.mark.slow
@pytest.mark.skipif(
    not any(map(shutil.which, ("g++", "clang++", "cl"))), reason="inductor needs a C++ compiler"
)
def test_the_hosts_compile_node(probe):
    difference, count = probe("compiled", "sdpa", "inductor")["node"]
    assert difference < ROUNDING
    assert count == 1
