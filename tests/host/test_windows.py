"""ComfyUI's own context windows around the pack's model give what the pack's windows give."""

import pytest


@pytest.fixture(scope="module")
def measured(probe):
    return probe("windows", "sdpa")


EVERYWHERE = ["cut", "masked", "attention", "overlapped"]
SINCE_FREENOISE = ["anchored", "anchored_masked", "retained", "retained_conditions", "freenoise"]


@pytest.mark.parametrize("kind", EVERYWHERE + SINCE_FREENOISE)
def test_a_window_is_a_clip_of_its_own(measured, kind):
    if kind in SINCE_FREENOISE and not measured["newer"]:
        pytest.skip("this ComfyUI has no such windows")
    assert measured["difference"][kind] < 5e-5
    assert measured["from_whole"][kind] > 1e-3


def test_kept_frames_stay_in_windows_of_the_stock_sampler(measured):
    kept, made = measured["stock"]
    assert kept < 1e-5
    assert made > 0.1


def test_packed_patches_and_other_axes_are_refused(measured):
    assert "packed patches do not have: use Sample instead" in measured["refusals"]["patches"]
    assert "context windows over axis 1" in measured["refusals"]["channels"]
    assert "set dim to 2, its frames" in measured["refusals"]["channels"]
