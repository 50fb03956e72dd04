"""One timeline drives every kind of model: with levels, with further channels, with neither."""

import pytest

KINDS = ["start image", "first and last", "without vision"]


@pytest.fixture(scope="module")
def measured(probe):
    return probe("tiers", "sdpa")


@pytest.mark.parametrize("name", KINDS)
def test_models_that_animate_are_shown_what_wan_image_to_video_shows_them(measured, name):
    made = measured["channels"][name]
    assert set(made["showing"].values()) == {"CHANNELS"}
    assert {kind: apart for kind, apart in made["stock"].items() if apart > 1e-5} == {}


@pytest.mark.parametrize("name", KINDS)
def test_any_frames_may_be_given_and_come_back_bit_for_bit(measured, name):
    made = measured["channels"][name]
    assert all(made["held"].values())
    assert {place: apart for place, apart in made["hosts"].items() if apart > 1e-4} == {}
    assert min(made["acts"].values()) > 1e-3


@pytest.mark.parametrize("name", KINDS)
def test_frames_beside_an_image_are_regenerated(measured, name):
    assert min(measured["channels"][name]["softened"].values()) > 0.05


@pytest.mark.parametrize("kind", ["native", "ours"])
def test_a_model_that_knows_of_nothing_given_repeats_its_steps(measured, kind):
    made = measured["one_level"][kind]
    assert made["held"]
    assert made["softened"] > 0.05
    assert made["warned"]
    assert made["repeated"] > 1e-3
    assert measured["one_level"]["hosts"] < 1e-4


def test_a_model_with_levels_needs_no_warning(measured):
    assert list(measured["with_levels"].values()) == [["LEVELS", 0]] * 2
