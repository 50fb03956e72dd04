"""Film strips and ticks reach ComfyUI while our nodes sample."""

import pytest

TICKS = [[1, 3], [2, 3], [3, 3]]
FRAME, GAP, HEIGHT = 72, 2, 96  # 6 by 8 latent positions, drawn 96 pixels high


@pytest.fixture(scope="module")
def measured(probe):
    return probe("preview")


def test_every_step_shows_a_strip_of_the_clip(measured):
    assert measured["latent"]["ticks"] == TICKS
    assert measured["latent"]["sizes"] == [[3 * FRAME + 2 * GAP, HEIGHT]] * 3


def test_the_last_picture_has_the_colours_of_the_result(measured):
    assert measured["colour_error"] < 0.02


def test_a_packed_run_shows_its_clips_under_each_other(measured):
    assert measured["tokens"]["ticks"] == TICKS
    assert measured["tokens"]["sizes"] == [[3 * FRAME + 2 * GAP, 2 * HEIGHT + GAP]] * 3


def test_published_families_use_the_colours_that_the_host_knows(measured):
    assert measured["published"]["sizes"] == measured["latent"]["sizes"]
