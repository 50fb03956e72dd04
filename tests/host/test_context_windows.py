"""The pack's windows over ComfyUI's own networks: each one as a clip of its own."""

import pytest


@pytest.fixture(scope="module")
def measured(probe):
    return probe("context_windows", "sdpa")


@pytest.mark.parametrize("model", ["wan", "wan_masked", "wan_start", "svd", "animated"])
def test_a_window_is_what_a_run_on_its_frames_gives(measured, model):
    """Start images, masks and pictures per frame are cut with the state."""
    found = measured["windows"][model]
    assert found["alone"] < 1e-5
    assert model == "animated" or found["whole"] > 1e-3


def test_a_controlnet_gets_the_hints_of_the_window(measured):
    """Once for both prompts, which are evaluated together."""
    first, second = ([float(frame) for frame in frames] for frames in (range(5), range(5, 10)))
    assert measured["hints"] == [[10, 2, first], [10, 2, second]]


def test_loops_are_closed_around_the_hosts_network_too(measured):
    assert measured["looped"]["native"] < 1e-5
    assert measured["looped"]["ours"] < 1e-5
    assert measured["looped"]["unclosed"] > 1e-4


@pytest.mark.parametrize("kind", ["open", "loop"])
def test_both_hosts_agree_on_windows(measured, kind):
    assert measured["hosts"][kind] < 1e-6
