"""A graph of ComfyUI's own nodes gives the same latent in both hosts."""

import pytest


@pytest.fixture(scope="module")
def measured(probe):
    return probe("stock_graphs", "sdpa")


@pytest.mark.parametrize("kind", ["one_level", "levels"])
def test_both_hosts_agree(measured, kind):
    found = measured[kind]
    assert len(found) > 20
    assert {name for name, each in found.items() if each["apart"] is None} == set()
    assert {name: e["apart"] for name, e in found.items() if not e["apart"] < 1e-4} == {}
    assert {name for name, each in found.items() if not each["size"] > 0.01} == set()


@pytest.mark.parametrize("node", ["Sample", "Sample Steps", "Sample Patches"])
@pytest.mark.parametrize("empty", ["EmptyLatentImage", "EmptySD3LatentImage"])
def test_an_empty_picture_is_one_picture(measured, node, empty):
    one = [2, 16, 1, 8, 6]
    assert measured["levels"][f"{node} {empty}"]["shape"] == [one, one]


def test_frames_too_many_for_the_vae_are_left_out(measured):
    assert measured["one_level"]["encoded"]["shape"] == [[1, 16, 3, 8, 6]] * 2
