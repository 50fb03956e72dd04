"""A run that is told to stop does so within a step, and the next one is as if nothing had been."""

import pytest

RUNS = [f"{name} {way}" for name in ("KSampler", "Sample", "Sample Patches")
        for way in ("picture", "network")]  # fmt: skip


@pytest.fixture(scope="module")
def measured(probe):
    return probe("stops")


@pytest.mark.parametrize("name", RUNS)
def test_at_most_one_more_evaluation_follows(measured, name):
    assert measured["further"][name] in (0, 1)


@pytest.mark.parametrize("name", [name for name in RUNS if name.endswith("network")])
def test_it_stops_between_two_blocks_of_an_evaluation(measured, name):
    assert measured["blocks"][name] == 0


@pytest.mark.parametrize("name", RUNS)
def test_the_next_run_equals_a_fresh_one(measured, name):
    assert measured["size"][name.rsplit(maxsplit=1)[0]] > 0.1
    assert measured["apart"][name] == 0.0


def test_nobody_is_asked_to_stop_any_more(measured):
    assert measured["still_asked"] is False
